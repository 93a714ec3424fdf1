// Written by `throughline types`. Do not change it: run the command again.

/** The operations that the workers have announced: `new ThroughlineClient<Operations>(…)`. */
export interface Operations {
  /** Does anything. */
  readonly "anything": {
    readonly input: unknown;
    readonly result: unknown;
  };
  /** Does mail.send. */
  readonly "mail.send": {
    readonly input: {
      /** Who gets it. *\/ ends no comment */
      "to": string[];
      "reply-to"?: string;
      "priority"?: "low" | "high";
      "parts": {
        "text": string;
      } | {
        "html": string;
        "size": number;
      };
      "headers"?: {
        [name: string]: string | null;
      };
    };
    readonly result: {
      "id": string;
      "took": [number, "ms"];
    } | null;
  };
  /** Does tree.count. */
  readonly "tree.count": {
    readonly input: {
      "name": string;
      "children": TreeCountInput1[];
    };
    readonly result: number;
  };
  /** Does type.all. */
  readonly "type.all": {
    readonly input: {
      "a": 1 | "b" | null;
      "b"?: unknown;
    };
    readonly result: boolean | ((string | number)[]);
  };
}

type TreeCountInput1 = {
  "name": string;
  "children": TreeCountInput1[];
};
