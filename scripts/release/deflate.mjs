// Compresses standard input to standard output, as `gzip` or as raw `deflate`. Bun runs it: its own libdeflate comes
// with the Bun that package-lock.json pins, so that the bytes depend on no zlib or gzip of the machine, and it makes
// them smaller than those do.
import { deflateSync, gzipSync, stdin, stdout, write } from 'bun';

const [format] = process.argv.slice(2);
const compress = format === 'gzip' ? gzipSync : deflateSync;
await write(stdout, compress(await stdin.bytes(), { library: 'libdeflate', level: 12 }));
