# SPDX-License-Identifier: Apache-2.0
"""Maps as the kernel has them: read by bpf(2) itself, for bpftool loads a program of its own to list any."""
import ctypes
import mmap
import os
import struct

SYS_BPF = 321
LOOKUP, UPDATE, NEXT_KEY, OBJ_GET, NEXT_ID, BY_ID, INFO, UPDATE_BATCH, DELETE_BATCH = 1, 2, 4, 7, 12, 14, 15, 26, 27
MMAPABLE = 1 << 10
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attr):
    room = ctypes.create_string_buffer(attr.ljust(128, b"\0"), 128)
    ret = libc.syscall(SYS_BPF, command, room, 128)
    if ret < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}")
    return ret, room.raw


class Map:
    """A pinned one; its size is read from fdinfo."""

    def __init__(self, fd):
        self.fd = fd
        with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as f:
            self.info = {k: v.strip() for k, v in (line.split(":", 1) for line in f)}
        self.entries, self.bytes = int(self.info["max_entries"]), int(self.info["value_size"])
        self.type, self.key_bytes = int(self.info["map_type"]), int(self.info["key_size"])
        self.memory = int(self.info["memlock"])

    @classmethod
    def pinned(cls, path):
        name = ctypes.create_string_buffer(path.encode())
        return cls(bpf(OBJ_GET, struct.pack("QII", ctypes.addressof(name), 0, 0))[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def lookup(self, key):
        """The value, or None. What the kernel gives for an array of maps is the inner map's number."""
        k, v = ctypes.create_string_buffer(key), ctypes.create_string_buffer(self.bytes + 8)
        try:
            bpf(LOOKUP, struct.pack("IIQQQ", self.fd, 0, ctypes.addressof(k), ctypes.addressof(v), 0))
        except FileNotFoundError:
            return None
        return v.raw[:self.bytes]

    def update(self, key, value):
        k, v = ctypes.create_string_buffer(key, len(key)), ctypes.create_string_buffer(value, len(value))
        bpf(UPDATE, struct.pack("IIQQQ", self.fd, 0, ctypes.addressof(k), ctypes.addressof(v), 0))

    def batch(self, command, keys):
        """One call for all: they are given values of zeros, or go."""
        k, v = ctypes.create_string_buffer(b"".join(keys)), ctypes.create_string_buffer(self.bytes * len(keys))
        bpf(command, struct.pack("QQQQIIQQ", 0, 0, ctypes.addressof(k), ctypes.addressof(v), len(keys), self.fd, 0, 0))

    def keys(self):
        at, following = None, ctypes.create_string_buffer(self.key_bytes)
        while True:
            here = ctypes.create_string_buffer(at) if at is not None else None
            try:
                bpf(NEXT_KEY, struct.pack("IIQQ", self.fd, 0, ctypes.addressof(here) if here else 0,
                                          ctypes.addressof(following)))
            except FileNotFoundError:
                return
            at = following.raw[:self.key_bytes]
            yield at

    def values(self):
        """Of an array: all that are there; at once where it can be mapped, since calls are slow under emulation."""
        if int(self.info["map_flags"], 16) & MMAPABLE:
            size = (self.bytes + 7) & ~7
            with mmap.mmap(self.fd, self.entries * size, mmap.MAP_SHARED, mmap.PROT_READ) as memory:
                return [memory[i * size:i * size + self.bytes] for i in range(self.entries)]
        found = (self.lookup(struct.pack("I", i)) for i in range(self.entries))
        return [value for value in found if value is not None]


class Filled:
    """A hash with room for so many more, whose other entries are nobody's."""

    def __init__(self, to_fill, room, key=lambda i: struct.pack("Q", i + 1)):
        self.map = to_fill
        free = self.map.entries - len(list(self.map.keys()))
        self.keys = [key(i) for i in range(free - room)]

    def __enter__(self):
        self.map.batch(UPDATE_BATCH, self.keys)
        return self.map

    def __exit__(self, *_):
        self.map.batch(DELETE_BATCH, self.keys)
        os.close(self.map.fd)


def all_memory():
    """Every map of the host: how many, and the bytes they hold."""
    count, memory, at = 0, 0, 0
    while True:
        try:
            at = struct.unpack_from("I", bpf(NEXT_ID, struct.pack("II", at, 0))[1], 4)[0]
        except FileNotFoundError:
            return count, memory
        try:
            with Map(bpf(BY_ID, struct.pack("II", at, 0))[0]) as m:
                count, memory = count + 1, memory + m.memory
        except FileNotFoundError:
            pass  # gone meanwhile
