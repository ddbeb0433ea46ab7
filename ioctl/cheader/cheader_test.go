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
	return generateHeader(t, source, Header{Source: "a.go", Guard: "A_H"})
}

func generateHeader(t *testing.T, source string, h Header) (string, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	text, err := Generate(dir, h)
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

// fielded has requests of all kinds that the tables of fields tell apart.
const fielded = `package ioctl

import "structs"

type Request uint32

const A_SIZE = 0x10

type AQuick struct {
	_    structs.HostLayout
	Fd   int32 ` + "`ioctl:\"fd=buffer\"`" + `
	What uint32
}

type ALate struct {
	_    structs.HostLayout
	What uint32
	Fd   int32 ` + "`ioctl:\"fd=buffer\"`" + `
}

type AnElem struct {
	_     structs.HostLayout
	Count uint32
	Fd    int32 ` + "`ioctl:\"fd=sync\"`" + `
}

type AList struct {
	_     structs.HostLayout
	List  uint64 ` + "`ioctl:\"ptr=AnElem,len=Count\"`" + `
	Count uint32
	Pad   uint32
}

type AnAnswer struct {
	_    structs.HostLayout
	Fd   int32 ` + "`ioctl:\"fd=fence,out\"`" + `
	What uint32
}

const (
	A_QUICK  Request = 1<<30 | 8<<16 | 0x61<<8 | 1 // AQuick
	A_READ   Request = 3<<30 | 8<<16 | 0x61<<8 | 2 // AQuick
	A_LATE   Request = 1<<30 | 8<<16 | 0x61<<8 | 3 // ALate
	A_LIST   Request = 1<<30 | 16<<16 | 0x61<<8 | 4 // AList
	A_ANSWER Request = 3<<30 | 8<<16 | 0x61<<8 | 5 // AnAnswer
)
`

func TestFields(t *testing.T) {
	h := Header{Source: "a.go", Guard: "A_H", Fields: true}
	got, err := generateHeader(t, fielded, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_a_quick, fd) },",
		"{ FIELD_FD, true, OBJECT_FENCE, offsetof(struct vdev_an_answer, fd) },",
		"{ FIELD_LIST, false, OBJECT_SYNC, offsetof(struct vdev_a_list, list), offsetof(struct vdev_a_list, count),\n" +
			"\t  sizeof(struct vdev_an_elem), offsetof(struct vdev_an_elem, fd) },",
		"[_IOC_NR(A_QUICK)] = { A_QUICK, fields + 0, fields + 1, true },",
		"[_IOC_NR(A_READ)] = { A_READ, fields + 1, fields + 2, false },",
		"[_IOC_NR(A_LATE)] = { A_LATE, fields + 2, fields + 3, false },",
		"[_IOC_NR(A_LIST)] = { A_LIST, fields + 3, fields + 4, false },",
		"#define ARG_SIZE 16\n#define QUICK_SIZE 8\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	odd := strings.NewReplacer("	What uint32\n}\n\ntype ALate", "}\n\ntype ALate", "A_QUICK  Request = 1<<30 | 8<<16", "A_QUICK  Request = 1<<30 | 4<<16").Replace(fielded)
	if _, err := generateHeader(t, odd, h); err == nil || !strings.Contains(err.Error(), "A_QUICK: an argument of 4 bytes") {
		t.Errorf("error %v", err)
	}
}
