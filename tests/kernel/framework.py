# SPDX-License-Identifier: Apache-2.0
"""framework.py THREADS: an agent framework, many threads in one process. Does what it is asked, a line of JSON at a time:
{"thread": N, "do": NAME, "with": [...]}, in that thread (0 is the first); answers with a line of JSON."""
import ctypes
import errno
import http.client
import json
import mmap
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading

LIBC = ctypes.CDLL(None, use_errno=True)
TGKILL, IO_URING_SETUP, IO_URING_ENTER = 234, 425, 426


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["DEPUTY_SOCKET"])


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def request(method, where, body=None, connection=None):
    """A body that is text is a form."""
    over = connection or Unix("deputy")
    form = isinstance(body, str)
    over.request(method, where, body if form or body is None else json.dumps(body), FORM if form else {})
    answer = over.getresponse()
    said = json.loads(answer.read())
    if not connection:
        over.close()
    return {"status": answer.status, **said}


KEPT = []


def connect():
    KEPT.append(Unix("deputy"))
    KEPT[-1].connect()
    return {"fd": KEPT[-1].sock.fileno()}


def spawn(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def start(*argv):
    """Left alone from here on."""
    none = subprocess.DEVNULL
    return {"pid": subprocess.Popen(argv, stdin=none, stdout=none, stderr=none).pid}


def read(name):
    os.close(os.open(name, os.O_RDONLY))


def call(number, *args):
    ret = LIBC.syscall(number, *args)
    if ret < 0:
        raise OSError(ctypes.get_errno(), "system call")
    return ret


def tgkill(pid, tid, number):
    call(TGKILL, pid, tid, number)


class Ring:
    """One io_uring for all threads: an entry at a time, opened by whoever asks or by a worker of its own."""
    OPENAT, ASYNC, GETEVENTS, SQES = 18, 1 << 4, 1, 0x10000000

    def __init__(self, flags=0):
        params = ctypes.create_string_buffer(120)
        struct.pack_into("I", params, 8, flags)
        self.fd = call(IO_URING_SETUP, 1, params)
        entries = struct.unpack_from("II", params)
        self.sq, self.cq = struct.unpack_from("7I", params, 40), struct.unpack_from("7I", params, 80)
        self.rings = mmap.mmap(self.fd, max(self.sq[6] + 4 * entries[0], self.cq[5] + 16 * entries[1]))
        self.entry = mmap.mmap(self.fd, 64, offset=self.SQES)

    def word(self, at, value=None):
        if value is not None:
            struct.pack_into("I", self.rings, at, value)
        return struct.unpack_from("I", self.rings, at)[0]

    def open(self, name, flags=0):
        text = ctypes.create_string_buffer(name.encode())
        struct.pack_into("BBHiQQIIQ", self.entry, 0, self.OPENAT, flags, 0, -100, 0, ctypes.addressof(text), 0, 0, 0)
        tail, head = self.word(self.sq[1]), self.word(self.cq[0])
        self.word(self.sq[6] + 4 * (tail & self.word(self.sq[2])), 0)
        self.word(self.sq[1], tail + 1)
        call(IO_URING_ENTER, self.fd, 1, 1, self.GETEVENTS, None, 0)
        have = struct.unpack_from("i", self.rings, self.cq[5] + 16 * (head & self.word(self.cq[2])) + 8)[0]
        self.word(self.cq[0], head + 1)
        if have < 0:
            raise OSError(-have, "ring")
        os.close(have)


RINGS = []
results = queue.Queue()


def ring_make(flags=0):
    RINGS.append(Ring(flags))


def ring_close():
    ring = RINGS.pop()
    ring.rings.close()
    ring.entry.close()
    os.close(ring.fd)


def leave():
    """The end of the thread, answered as it comes."""
    answer({})
    sys.exit(0)


def ids():
    return {"pid": os.getpid(), "tid": threading.get_native_id()}


def fork_read(name):
    """In a child, that the thread made."""
    pid = os.fork()
    if not pid:
        try:
            read(name)
            os._exit(0)
        except OSError as e:
            os._exit(e.errno)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(code, "child")


def thread_read(name):
    """In a thread that the thread made."""
    have = queue.Queue()
    threading.Thread(target=lambda: have.put(attempt(read, name))).start()
    said = have.get()
    if "errno" in said:
        raise OSError(getattr(errno, said["errno"]), "thread")


def attempt(what, *args):
    try:
        return what(*args) or {}
    except OSError as e:
        return {"errno": errno.errorcode[e.errno]}


DOES = {
    "post": lambda *words: request("POST", *words), "get": lambda *words: request("GET", *words), "spawn": spawn,
    "start": start, "read": read, "kill": os.kill, "tgkill": tgkill, "ids": ids, "fork-read": fork_read,
    "connect": connect, "over": lambda *words: request(*words, connection=KEPT[-1]),
    "result": lambda: results.get(), "thread-read": thread_read, "exec": os.execv, "leave": leave, "ring": ring_make, "ring-close": ring_close,
    "ring-open": lambda name: RINGS[-1].open(name), "ring-work": lambda name: RINGS[-1].open(name, Ring.ASYNC),
}


def answer(said):
    print(json.dumps(said), flush=True)


def work(asked):
    while True:
        does, args = asked.get()
        if does == "aside":  # by one who may not answer any more
            results.put(attempt(DOES[args[0]], *args[1:]))
        else:
            answer(attempt(DOES[does], *args))


signal.signal(signal.SIGUSR1, lambda *_: None)
queues = [queue.Queue() for _ in range(int(sys.argv[1]))]
for q in queues:
    threading.Thread(target=work, args=(q,), daemon=True).start()
answer(ids())
for line in sys.stdin:
    wanted = json.loads(line)
    if wanted["thread"]:
        queues[wanted["thread"] - 1].put((wanted["do"], wanted["with"]))
    else:
        answer(attempt(DOES[wanted["do"]], *wanted["with"]))
