/** What a deployment would upload. */
export interface EdgeBundle {
  /** The file with the one module of the Worker. */
  readonly scriptPath: string;
  readonly compatibility: Compatibility;
  /** What wrangler prints about the bundle, with its size, or a sentence about a bundle that was not built here. */
  readonly report: string;
}

/** The version of the Workers runtime that the bundle is for. */
export interface Compatibility {
  readonly date?: string | undefined;
  readonly flags: readonly string[];
}
