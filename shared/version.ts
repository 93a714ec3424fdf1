/** The version of Throughline, as in package.json: the edge's bundle cannot read that file without all of it. */
export const VERSION = '0.1.0';
