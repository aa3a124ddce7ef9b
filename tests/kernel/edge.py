# SPDX-License-Identifier: Apache-2.0
"""edge.py LIBRARY EPOCHS JWKS CHAIN: what a service that has libdeputy says of a chain, "OK" or an errno."""
import ctypes
import errno
import sys


def name(ret):
    return errno.errorcode[-ret] if ret else "OK"


class Keys:
    """struct deputy_keys; `said` is how opening it went."""

    def __init__(self, library, epochs, jwks):
        self.lib = ctypes.CDLL(library)
        self.pointer = ctypes.c_void_p()
        self.said = name(self.lib.deputy_keys_open(jwks.encode(), epochs.encode(), ctypes.byref(self.pointer)))


class Chain:
    """struct deputy_chain, likewise."""

    def __init__(self, keys, text):
        self.lib, self.pointer = keys.lib, ctypes.c_void_p()
        self.said = name(self.lib.deputy_chain_open(keys.pointer, text.encode(), ctypes.byref(self.pointer)))

    def check(self):
        return name(self.lib.deputy_chain_check(self.pointer))


def main(library, epochs, jwks, text):
    keys = Keys(library, epochs, jwks)
    if keys.said != "OK":
        return "keys " + keys.said
    chain = Chain(keys, text)
    return "chain " + (chain.check() if chain.said == "OK" else chain.said)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
