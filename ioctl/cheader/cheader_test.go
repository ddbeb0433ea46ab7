// SPDX-License-Identifier: Apache-2.0

package cheader

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHeadersAreUpToDate(t *testing.T) {
	for _, h := range Headers() {
		want, err := Generate("..", h)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("../..", h.Output))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s does not follow ioctl/%s: run go generate ./ioctl", h.Output, h.Source)
		}
	}
}

// good is a declaration that the table below breaks.
const good = `package ioctl

import "structs"

type Request uint32

// AThing is a thing.
type AThing struct {
	_     structs.HostLayout
	First uint32
	Pad   uint32
	DMAAddr uint64
}

// What to do with an AThing.
const (
	A_DO Request = 3<<30 | 16<<16 | 0x61<<8 | 5 // AThing
)
`

func generate(t *testing.T, source string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	text, err := Generate(dir, Header{Source: "a.go", Guard: "A_H"})
	return string(text), err
}

func TestGenerate(t *testing.T) {
	got, err := generate(t, good)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"struct vdev_a_thing {\n\t__u32 first;\n\t__u32 pad;\n\t__u64 dma_addr;\n};\n",
		"/* What to do with an struct vdev_a_thing. */\n",
		"#define A_DO _IOWR(0x61, 5, struct vdev_a_thing)\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestBadDeclarationsAreRefused(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"hidden padding", "\tPad   uint32\n", "", "AThing: 4 bytes of padding"},
		{"wrong size", "16<<16", "24<<16", "A_DO: says 24 bytes, AThing has 16"},
		{"no argument", "// AThing\n", "\n", "the comment names no structure"},
		{"odd type", "Pad   uint32", "Pad   float32", "AThing.Pad: type float32"},
		{"does not compute", "16<<16", "x<<16", "A_DO has no value"},
	} {
		if _, err := generate(t, strings.Replace(good, c.from, c.to, 1)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}
