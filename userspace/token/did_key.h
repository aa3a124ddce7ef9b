/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 keys as did:key names them (W3C CCG, The did:key Method, version 0.9): the name is the key, so
 * there is nothing to look up and nothing to believe.
 */
#ifndef DEPUTY_DID_KEY_H
#define DEPUTY_DID_KEY_H

#include <stddef.h>

#include "token/key.h"

/* 'z' for base58btc, then 0xed 0x01 for Ed25519 and the key: 34 bytes that always give 47 digits. */
#define DID_KEY_MULTIBASE_LEN 48u
#define DID_KEY_LEN	      (8u + DID_KEY_MULTIBASE_LEN)		 /* "did:key:" and that */
#define DID_KEY_METHOD_LEN    (DID_KEY_LEN + 1u + DID_KEY_MULTIBASE_LEN) /* DID#MULTIBASE */

/* The key's Multikey form (publicKeyMultibase), its DID, and the DID URL of its one verification method. */
void did_key_multibase(const struct public_key *key, char text[DID_KEY_MULTIBASE_LEN + 1]);
void did_key_encode(const struct public_key *key, char did[DID_KEY_LEN + 1]);
void did_key_method(const struct public_key *key, char url[DID_KEY_METHOD_LEN + 1]);

/* The way back, from exactly what the three above write. -EBADMSG: anything else, other kinds of key, other
 * spellings and, in a method, a fragment that is another key's. */
int did_key_from_multibase(const char *text, size_t len, struct public_key *key);
int did_key_decode(const char *did, size_t len, struct public_key *key);
int did_key_from_method(const char *url, size_t len, struct public_key *key);

#endif
