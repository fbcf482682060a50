import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';

/** An error's code, and what it means. */
export interface DocumentedCode {
  readonly code: string;
  readonly meaning: string;
}

/**
 * The codes of `ErrorCode` with the comments on them. They are read from the source, where they stand once, so that
 * kubectl does not wait for a table that only readers of the reference need.
 *
 * @throws Error for a code without a comment
 */
export function readErrorCodes(): DocumentedCode[] {
  const file = resolve('src/errors.ts');
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  const codes = source.statements
    .filter(ts.isTypeAliasDeclaration)
    .filter(({ name, type }) => name.text === 'ErrorCode' && ts.isUnionTypeNode(type))
    .flatMap(({ type }) => (ts.isUnionTypeNode(type) ? [...type.types] : []));
  if (codes.length === 0) throw new Error(`${file} has no ErrorCode`);
  return codes.map((node) => {
    if (!ts.isLiteralTypeNode(node) || !ts.isStringLiteral(node.literal)) {
      throw new Error(`${file}: a member of ErrorCode is no string`);
    }
    const code = node.literal.text;
    // The comment stands before the bar that stands before the code.
    const before = source.text.slice(0, node.getStart(source));
    const comment = /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*\|?\s*$/.exec(before)?.[1];
    if (comment === undefined) throw new Error(`${file}: ${code} has no comment`);
    return { code, meaning: comment.replace(/\n\s*\*/g, ' ').trim() };
  });
}
