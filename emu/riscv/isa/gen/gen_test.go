// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const specFile = "../rv64.isa"

// TestGenerated demands that the committed files are what the specification gives.
func TestGenerated(t *testing.T) {
	text, err := os.ReadFile(specFile)
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(filepath.Base(specFile), string(text))
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for _, f := range files {
		made[f.name] = true
		have, err := os.ReadFile(filepath.Join("..", f.name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(have, f.text) {
			t.Errorf("%s is out of date: run go generate ./emu/riscv/isa", f.name)
		}
	}
	committed, err := filepath.Glob("../*_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range committed {
		if !made[filepath.Base(name)] {
			t.Errorf("%s is no longer generated", name)
		}
	}
}

// samples returns the specifications in a folder of testdata, of which there must be
// at least a number.
func samples(t *testing.T, folder string, atLeast int) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.isa"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < atLeast {
		t.Fatalf("only %d samples in %s", len(names), folder)
	}
	return names
}

func TestGoodSamples(t *testing.T) {
	for _, name := range samples(t, "good", 6) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		first, err := generate(filepath.Base(name), string(text))
		if err != nil {
			t.Error(err)
			continue
		}
		second, err := generate(filepath.Base(name), string(text))
		if err != nil {
			t.Error(err)
			continue
		}
		for k, f := range first {
			if !bytes.Equal(f.text, second[k].text) {
				t.Errorf("%s: %s differs from run to run", name, f.name)
			}
			if !bytes.HasPrefix(f.text, []byte("// Code generated ")) || !bytes.Contains(f.text, []byte("DO NOT EDIT.\n")) {
				t.Errorf("%s: %s is not marked as generated", name, f.name)
			}
		}
	}
}

// TestBadSamples demands the error that each sample names in its first line.
func TestBadSamples(t *testing.T) {
	for _, name := range samples(t, "bad", 50) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(text), "\n")
		want, ok := strings.CutPrefix(head, "# error: ")
		if !ok {
			t.Errorf("%s: does not say which error it should give", name)
			continue
		}
		_, err = generate(filepath.Base(name), string(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", name, err, want)
		}
	}
}

// TestPrecedence decides between overlays by hand: the more specific one first.
func TestPrecedence(t *testing.T) {
	text, err := os.ReadFile("testdata/good/overlay.isa")
	if err != nil {
		t.Fatal(err)
	}
	s, err := parse("overlay.isa", string(text))
	if err != nil {
		t.Fatal(err)
	}
	src := emitDecoder(s)
	at := -1
	for _, op := range []string{"OpHINT2,", "OpHINT,", "OpORI,"} {
		next := strings.Index(src, op)
		if next <= at {
			t.Errorf("%s is decided too early or not at all", op)
		}
		at = next
	}
}

func TestLowestRun(t *testing.T) {
	for _, c := range []struct{ in, want uint32 }{
		{0x1, 0x1}, {0xfe007ffc, 0x7ffc}, {0xfe000000, 0xfe000000}, {0x50, 0x10},
	} {
		if got := lowestRun(c.in); got != c.want {
			t.Errorf("lowestRun(%#x) is %#x, want %#x", c.in, got, c.want)
		}
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	if err := run("testdata/good/minimal.isa", dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "decode_gen.go")); err != nil {
		t.Error(err)
	}
	if err := run("testdata/absent.isa", dir); err == nil {
		t.Error("a missing file is no error")
	}
	if err := run("testdata/good/minimal.isa", filepath.Join(dir, "absent")); err == nil {
		t.Error("a missing directory is no error")
	}
}
