/** What the headers of a Windows program say. */
export interface PortableExecutable {
  readonly machine: 'amd64' | 'arm64';
  readonly kind: 'program' | 'library';
  /** The names of its sections, each of which lies within the file. */
  readonly sections: readonly string[];
}

const machines: Readonly<Record<number, PortableExecutable['machine']>> = {
  0x8664: 'amd64',
  0xaa64: 'arm64',
};
const libraryFlag = 0x2000;

/**
 * Reads a PE32+ file, as Microsoft's PE format says.
 *
 * @throws Error where it is not well-formed: a wrong magic number, a section that overlaps another or lies outside of
 * the file, an entry point that is in no section
 */
export function readPortableExecutable(file: Buffer): PortableExecutable {
  const header = file.readUInt32LE(0x3c);
  if (file.toString('latin1', 0, 2) !== 'MZ' || file.toString('latin1', header, header + 4) !== 'PE\0\0') {
    throw new Error('this is no PE file');
  }
  const machine = machines[file.readUInt16LE(header + 4)];
  if (machine === undefined) throw new Error('it is for an unknown processor');
  const optionalHeader = header + 24;
  if (file.readUInt16LE(optionalHeader) !== 0x20b) throw new Error('it is not a PE32+ file');
  const entryPoint = file.readUInt32LE(optionalHeader + 16);
  const sizeOfImage = file.readUInt32LE(optionalHeader + 56);

  const sectionTable = optionalHeader + file.readUInt16LE(header + 20);
  const sections = Array.from({ length: file.readUInt16LE(header + 6) }, (_, index) => {
    const at = sectionTable + 40 * index;
    const [address, size] = [file.readUInt32LE(at + 12), file.readUInt32LE(at + 8)];
    const [rawSize, rawStart] = [file.readUInt32LE(at + 16), file.readUInt32LE(at + 20)];
    return {
      name: file.toString('latin1', at, at + 8).replace(/\0+$/, ''),
      address,
      end: address + size,
      rawStart: rawSize === 0 ? 0 : rawStart,
      rawEnd: rawSize === 0 ? 0 : rawStart + rawSize,
    };
  });
  let lastEnd = 0;
  for (const { name, address, end, rawEnd } of sections) {
    if (address < lastEnd || end > sizeOfImage) throw new Error(`section ${name} is not where it may be`);
    if (rawEnd > file.length) throw new Error(`section ${name} is cut off`);
    lastEnd = end;
  }
  if (!sections.some(({ address, end }) => entryPoint >= address && entryPoint < end)) {
    throw new Error('its entry point is nowhere');
  }
  return {
    machine,
    kind: (file.readUInt16LE(header + 22) & libraryFlag) === 0 ? 'program' : 'library',
    sections: sections.map(({ name }) => name),
  };
}
