// SPDX-License-Identifier: Apache-2.0

// Deputy's logs against golang.org/x/mod's sumdb/note and sumdb/tlog, which others' logs are built on. TAP on stdout.
// usage: check DEPUTY LOG-TOOL
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var (
	deputy, tool, dir string
	tests, failed     int
)

func ok(good bool, format string, args ...interface{}) {
	tests++
	word := "ok"
	if !good {
		failed++
		word = "not ok"
	}
	fmt.Printf("%s %d - %s\n", word, tests, fmt.Sprintf(format, args...))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// run returns what the program prints and whether it exits with 0.
func run(name string, args ...string) (string, bool) {
	out, err := exec.Command(name, args...).Output()
	return string(out), err == nil
}

// leaves are the log's lines, over all segments, as a plain reader sees them.
func leaves() [][]byte {
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	must(err)
	sort.Strings(names)
	var lines [][]byte
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(err)
		lines = append(lines, bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))...)
	}
	return lines
}

// store is x/mod's own tree of the lines.
type store []tlog.Hash

func (s store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, i := range indexes {
		hashes = append(hashes, s[i])
	}
	return hashes, nil
}

func build(lines [][]byte) store {
	var s store
	for i, line := range lines {
		hashes, err := tlog.StoredHashes(int64(i), line, s)
		must(err)
		s = append(s, hashes...)
	}
	return s
}

type checkpoint struct {
	size int64
	root tlog.Hash
}

func parseCheckpoint(text string) checkpoint {
	lines := strings.Split(text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	return checkpoint{size, root}
}

// witness verifies C2SP tlog-cosignature, which x/mod does not know.
type witness struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.id }
func (w witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	text := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(w.key, []byte(text), sig[8:])
}

func newWitness(vkey string) witness {
	parts := strings.SplitN(vkey, "+", 3)
	id, err := strconv.ParseUint(parts[1], 16, 32)
	must(err)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	must(err)
	if key[0] != 4 {
		panic("not a witness's key")
	}
	return witness{parts[0], uint32(id), key[1:]}
}

func proofOf(list []string) []tlog.Hash {
	hashes := []tlog.Hash{}
	for _, text := range list {
		h, err := tlog.ParseHash(text)
		must(err)
		hashes = append(hashes, h)
	}
	return hashes
}

type receipt struct {
	Type       string   `json:"type"`
	Record     string   `json:"record"`
	Index      int64    `json:"index"`
	Proof      []string `json:"proof"`
	Checkpoint string   `json:"checkpoint"`
	Old        int64    `json:"old,omitempty"`
}

// checkReceipt is what anybody would do with one: no code of Deputy's takes part.
func checkReceipt(r receipt, keys note.Verifiers) bool {
	n, err := note.Open([]byte(r.Checkpoint), keys)
	if err != nil {
		return false
	}
	c := parseCheckpoint(n.Text)
	return tlog.CheckRecord(proofOf(r.Proof), c.size, c.root, r.Index, tlog.RecordHash([]byte(r.Record))) == nil
}

func tlogProof(text string) receipt {
	head, cp, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	record, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	must(err)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	must(err)
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		panic("no tlog-proof")
	}
	return receipt{Record: string(record), Index: index, Proof: lines[3:], Checkpoint: cp}
}

func checkpointsFile() []string {
	text, err := os.ReadFile(filepath.Join(dir, "checkpoints"))
	must(err)
	var notes []string
	for _, part := range strings.SplitAfter(string(text), "=\n\n") {
		// The root ends in "=" too: a note is two such parts.
		if len(notes) > 0 && !strings.Contains(notes[len(notes)-1], "\u2014") {
			notes[len(notes)-1] += strings.TrimSuffix(part, "\n")
		} else if part != "" {
			notes = append(notes, part)
		}
	}
	return notes
}

// Deputy's log, read by others.
func theirs(vkey string, w witness) {
	verifier, err := note.NewVerifier(vkey)
	must(err)
	keys := note.VerifierList(verifier)
	lines := leaves()
	hashes := build(lines)
	notes := checkpointsFile()
	n, err := note.Open([]byte(notes[len(notes)-1]), note.VerifierList(verifier, w))
	ok(err == nil && len(n.Sigs) == 2, "the last checkpoint is signed by the log and by a witness")
	last := parseCheckpoint(n.Text)
	root, err := tlog.TreeHash(last.size, hashes)
	ok(err == nil && root == last.root && last.size == int64(len(lines)), "its root is that of the %d lines", last.size)
	good := 0
	for _, text := range notes {
		n, err := note.Open([]byte(text), keys)
		must(err)
		c := parseCheckpoint(n.Text)
		root, err := tlog.TreeHash(c.size, hashes)
		if err == nil && root == c.root {
			good++
		}
	}
	ok(good == len(notes) && good > 3, "so are those of all %d checkpoints", len(notes))
	records(lines, keys)
	for _, text := range notes[:len(notes)-1] {
		consistency(text, keys)
	}
}

func records(lines [][]byte, keys note.Verifiers) {
	good, bad := 0, 0
	for i := 0; i < len(lines); i += 1 + i/7 {
		seq := strconv.Itoa(i + 1)
		out, _ := run(deputy, "log", "prove", seq, "--log", dir)
		var r receipt
		if json.Unmarshal([]byte(out), &r) == nil && r.Record == string(lines[i]) && checkReceipt(r, keys) {
			good++
		}
		out, _ = run(deputy, "log", "prove", seq, "--log", dir, "--tlog-proof")
		t := tlogProof(out)
		if t.Record == string(lines[i]) && checkReceipt(t, keys) {
			good++
		}
		t.Record += " "
		if !checkReceipt(t, keys) {
			bad++
		}
	}
	ok(good == 2*bad && bad > 20, "%d receipts prove their records, in both forms, and no other", bad)
}

func consistency(old string, keys note.Verifiers) {
	file := filepath.Join(filepath.Dir(dir), "old")
	must(os.WriteFile(file, []byte(old), 0600))
	out, _ := run(deputy, "log", "prove", "--since", file, "--log", dir)
	var r receipt
	must(json.Unmarshal([]byte(out), &r))
	was := parseCheckpoint(old)
	n, err := note.Open([]byte(r.Checkpoint), keys)
	must(err)
	now := parseCheckpoint(n.Text)
	err = tlog.CheckTree(proofOf(r.Proof), now.size, now.root, was.size, was.root)
	was.root[7] ^= 1
	wrong := tlog.CheckTree(proofOf(r.Proof), now.size, now.root, was.size, was.root)
	ok(err == nil && (wrong != nil || len(r.Proof) == 0), "%d records are the beginning of %d", was.size, now.size)
}

// Others' log, read by Deputy.
func ours() {
	skey, vkey, err := note.GenerateKey(rand.Reader, "go.example/log")
	must(err)
	signer, err := note.NewSigner(skey)
	must(err)
	var lines [][]byte
	for i := 0; i < 77; i++ {
		lines = append(lines, []byte(fmt.Sprintf("{\"seq\": %d, \"by\": \"another\"}", i+1)))
	}
	hashes := build(lines)
	root, err := tlog.TreeHash(77, hashes)
	must(err)
	cp, err := note.Sign(&note.Note{Text: fmt.Sprintf("go.example/log\n77\n%s\n", root)}, signer)
	must(err)
	file := filepath.Join(filepath.Dir(dir), "theirs")
	must(os.WriteFile(file, cp, 0600))
	_, good := run(deputy, "log", "checkpoint-check", file, "--key", vkey)
	ok(good, "a checkpoint that x/mod signed is good")
	must(os.WriteFile(file, bytes.Replace(cp, []byte("\n77\n"), []byte("\n78\n"), 1), 0600))
	_, good = run(deputy, "log", "checkpoint-check", file, "--key", vkey)
	ok(!good, "another size is not")
	passed, refused := 0, 0
	for i := range lines {
		proof, err := tlog.ProveRecord(77, int64(i), hashes)
		must(err)
		r := receipt{Type: "deputy/receipt/1", Record: string(lines[i]), Index: int64(i), Checkpoint: string(cp)}
		for _, h := range proof {
			r.Proof = append(r.Proof, h.String())
		}
		passed += verdict(file, vkey, r)
		r.Index ^= 1
		refused += 1 - verdict(file, vkey, r)
	}
	ok(passed == 77 && refused == 77, "%d proofs that x/mod made are good, and not at another place", passed)
}

func verdict(file, vkey string, r receipt) int {
	text, err := json.Marshal(r)
	must(err)
	must(os.WriteFile(file, text, 0600))
	if _, good := run(deputy, "log", "verify-receipt", file, "--key", vkey); good {
		return 1
	}
	return 0
}

func main() {
	deputy, tool = os.Args[1], os.Args[2]
	top, err := os.MkdirTemp("", "deputy-log")
	must(err)
	defer os.RemoveAll(top)
	dir = filepath.Join(top, "log")
	out, made := run(tool, dir, "1000", "150")
	ok(made, "a log of several segments")
	keys := strings.Split(out, "\n")
	theirs(keys[0], newWitness(keys[1]))
	ours()
	fmt.Printf("1..%d\n", tests)
	if failed > 0 {
		os.RemoveAll(top)
		os.Exit(1)
	}
}
