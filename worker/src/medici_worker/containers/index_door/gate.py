"""Runs inside a container without any network, whose inside a build's steps share: what they send to 127.0.0.1 goes
through a socket in a folder to `proxy.py`, and nowhere else. The standard library alone: an image of ours runs it.
"""

import asyncio
import contextlib
import sys

PORT = 3128
CHUNK_BYTES = 64 * 1024
MOST_AT_ONCE = 64


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def serve(socket_path: str) -> None:
    at_once = asyncio.Semaphore(MOST_AT_ONCE)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with at_once:
            with contextlib.suppress(OSError):
                far_reader, far_writer = await asyncio.open_unix_connection(socket_path)
                await asyncio.gather(pipe(reader, far_writer), pipe(far_reader, writer))
                far_writer.close()
            writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", PORT)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
