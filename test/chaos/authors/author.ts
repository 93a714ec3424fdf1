/** The mistakes of authors that have a name. */
export { default } from '../../fixtures/operations/author.ts';
