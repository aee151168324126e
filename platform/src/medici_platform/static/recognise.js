/* The submit page: says what a chosen file is before it is uploaded, and whether the phase takes it.

   Only the file's beginning and, of a zip, its table of contents are read, in the browser. It is a first word: the
   platform looks through the whole file when it arrives. Without this script the button "Check only" does the same. */
"use strict";

(() => {
  const field = document.getElementById("file");
  const place = document.getElementById("file-kind");
  if (!field || !place) return;

  const SENTENCES = {
    container: "a container submission (a zip with a Dockerfile)",
    code: "a code submission (a zip with a program, which runs in the challenge's image)",
    image: "an image submission (what docker save writes, or an image's name with its digest)",
    results: "a result submission (a zip with predictions)",
  };
  const LARGEST_DIRECTORY = 16 * 1024 * 1024;
  const LARGEST_METADATA = 64 * 1024;
  const NOISE = /^__MACOSX\/|(^|\/)(\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)$/;

  function takes(kind) {
    return field.getAttribute(`data-takes-${kind}`);
  }

  async function bytesOf(file, start, end) {
    return new DataView(await file.slice(Math.max(0, start), end).arrayBuffer());
  }

  function textOf(view) {
    return new TextDecoder().decode(view);
  }

  function startsWith(view, ...bytes) {
    return view.byteLength >= bytes.length && bytes.every((byte, index) => view.getUint8(index) === byte);
  }

  /* The files of a zip by its table of contents at the end: name, place, method and packed size. */
  async function entriesOf(file) {
    const tailStart = Math.max(0, file.size - 65557);
    const tail = await bytesOf(file, tailStart, file.size);
    let end = tail.byteLength - 22;
    while (end >= 0 && tail.getUint32(end, true) !== 0x06054b50) end -= 1;
    if (end < 0) return null;
    const size = tail.getUint32(end + 12, true);
    const offset = tail.getUint32(end + 16, true);
    if (offset === 0xffffffff || size > LARGEST_DIRECTORY) return undefined;
    const directory = await bytesOf(file, offset, offset + size);
    const entries = [];
    for (let at = 0; at + 46 <= directory.byteLength && directory.getUint32(at, true) === 0x02014b50;) {
      const nameLength = directory.getUint16(at + 28, true);
      const rest = directory.getUint16(at + 30, true) + directory.getUint16(at + 32, true);
      const name = new TextDecoder().decode(new Uint8Array(directory.buffer, at + 46, nameLength));
      entries.push({
        name: name.replace(/\\/g, "/"),
        method: directory.getUint16(at + 10, true),
        packed: directory.getUint32(at + 20, true),
        offset: directory.getUint32(at + 42, true),
      });
      at += 46 + nameLength + rest;
    }
    return entries.filter((entry) => !NOISE.test(entry.name) && !entry.name.endsWith("/"));
  }

  function wrappingFolder(entries) {
    const tops = new Set(entries.map((entry) => entry.name.split("/")[0]));
    const isFlat = entries.some((entry) => !entry.name.includes("/"));
    return tops.size === 1 && !isFlat ? `${[...tops][0]}/` : "";
  }

  async function contentOf(file, entry) {
    const header = await bytesOf(file, entry.offset, entry.offset + 30);
    const start = entry.offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
    const packed = file.slice(start, start + Math.min(entry.packed, LARGEST_METADATA));
    if (entry.method === 0) return packed.text();
    return new Response(packed.stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
  }

  async function namesCommand(file, entries, root) {
    const metadata = entries.filter((entry) => /^metadata(\.ya?ml)?$/.test(entry.name.slice(root.length)));
    for (const entry of metadata) {
      if (/^\s*["']?command["']?\s*:\s*\S/m.test(await contentOf(file, entry))) return true;
    }
    return false;
  }

  async function kindOfZip(file) {
    const entries = await entriesOf(file);
    if (entries === undefined) return null;
    if (entries === null) return { fault: "This zip is broken: its end is missing." };
    if (!entries.length) return { fault: "This zip holds no file." };
    const root = wrappingFolder(entries);
    if (entries.some((entry) => entry.name === `${root}Dockerfile`)) return { kind: "container" };
    if (await namesCommand(file, entries, root)) return { kind: "code" };
    return { kind: field.dataset.hasIngestion === "yes" ? "code" : "results" };
  }

  /* `null`: nothing can be said here. */
  async function look(file) {
    if (file.size === 0) return { fault: "This file is empty." };
    if (file.size > Number(field.dataset.maxBytes)) return { fault: "This file is larger than the limit for one upload." };
    const start = await bytesOf(file, 0, 512);
    if (startsWith(start, 0x50, 0x4b, 3, 4) || startsWith(start, 0x50, 0x4b, 5, 6)) return kindOfZip(file);
    if (startsWith(start, 0x52, 0x61, 0x72, 0x21)) return { fault: "This is a RAR archive: make a zip instead." };
    if (startsWith(start, 0x37, 0x7a, 0xbc, 0xaf)) return { fault: "This is a 7z archive: make a zip instead." };
    const isTar = start.byteLength >= 262 && textOf(start).slice(257, 262) === "ustar";
    const isPacked = startsWith(start, 0x1f, 0x8b) || startsWith(start, 0xfd, 0x37, 0x7a, 0x58, 0x5a);
    if (isTar || isPacked) return { kind: "image" };
    if (/^\s*\S+@sha256:[0-9a-f]{64}\s*$/.test(textOf(start))) return { kind: "image" };
    return { fault: "This is neither a zip, nor a saved image, nor an image's name." };
  }

  function say(found) {
    place.classList.toggle("bad", Boolean(found && (found.fault || !takes(found.kind))));
    place.hidden = !found;
    if (!found) place.textContent = "";
    else if (found.fault) place.textContent = found.fault;
    else if (takes(found.kind)) place.textContent = `This looks like ${takes(found.kind)}.`;
    else place.textContent = `This looks like ${SENTENCES[found.kind]}, which the phase ${field.dataset.phase} does not take.`;
  }

  let latest = 0;

  async function tell() {
    latest += 1;
    const turn = latest;
    const file = field.files[0];
    let found = null;
    try {
      found = file ? await look(file) : null;
    } catch {
      found = null;
    }
    if (turn === latest) say(found);
  }

  field.addEventListener("change", tell);
  if (field.files.length) tell();
})();
