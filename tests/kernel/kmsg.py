# SPDX-License-Identifier: Apache-2.0
"""kmsg.py: prints the number of the kernel's last message; kmsg.py NUMBER: what it complained of since."""
import os
import re
import sys

# What a kernel says of itself when something is wrong with it. Users' own faults ("segfault at") are not that.
COMPLAINT = re.compile(
    r"WARNING: |BUG: |\bOops|Call Trace|suspicious|stall|blocked for more than|lockup|general protection fault, "
    r"|KASAN|UBSAN|refcount_t|use-after-free|scheduling while atomic|sleeping function|unable to handle|corrupt"
    r"|bad page|Bad page|verifier|bpf.*(?:fail|error)|possible .*lock|recursive lock|list_(?:add|del)|kernel panic",
    re.IGNORECASE)

# What stressors ask for on purpose: poisoned pages, and old calls.
ASKED_FOR = re.compile(r"Memory failure: \S+ Sending SIGBUS to stress-ng|capability: warning: `stress-ng")


def messages(since=-1):
    """(number, text) of those after `since` that the kernel still has."""
    fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            try:
                record = os.read(fd, 8192).decode("utf-8", "replace")
            except BlockingIOError:
                return
            except BrokenPipeError:  # overwritten while it was read: the next read goes on with the oldest
                continue
            head, _, text = record.partition(";")
            priority, number = head.split(",")[:2]
            if int(number) > since and int(priority) < 8:  # of the kernel: anybody may write others
                yield int(number), text.split("\n")[0]
    finally:
        os.close(fd)


def last():
    return max((number for number, _ in messages()), default=-1)


def complaints(since=-1):
    return [text for _, text in messages(since) if COMPLAINT.search(text) and not ASKED_FOR.search(text)]


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print(last())
    else:
        print("\n".join(complaints(int(sys.argv[1]))))
