// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vdev/ioctl"
)

func TestPageIsUpToDate(t *testing.T) {
	want, err := Generate("..", Page())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("../..", Output))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s does not follow the declarations: run go generate ./ioctl", Output)
	}
	for _, d := range ioctl.Table() {
		if !bytes.Contains(want, []byte("`"+d.Name+"`")) {
			t.Errorf("%s is not on the page", d.Name)
		}
	}
}

// good is a declaration that the table below breaks.
const good = `package ioctl

import "structs"

type Request uint32

// A_DEVICE is the device. Every request has this error. ENODEV: it is gone.
const A_DEVICE = "/dev/a"

// AThing makes a thing of AnItem.
//
// Blocks until there is room.
//
// EINVAL: the size is 0. EBUSY, ENOSPC: there are too many.
// EINTR: a signal came. Others: those of things.
type AThing struct {
	_ structs.HostLayout
	// In bytes.
	First uint32
	Flags uint32 'flags=a_flags'
	Count uint32 'pad'
	// Where they are.
	Items uint64 'ptr=AnItem,len=Count,out'
}

// AnItem is a part.
type AnItem struct {
	_ structs.HostLayout
	// In pixels.
	ItemWidth uint32
	// Out: nothing.
	Pad uint32 'pad'
}

// What to do with things.
//
//ioctl:family Thing
const (
	A_DO Request = 3<<30 | 24<<16 | 0x61<<8 | 5 // AThing
	// Undoes what A_DO did. EINVAL: it is a|b.
	A_UNDO Request = 1<<30 | 8<<16 | 0x61<<8 | 6 // AnItem
)

// Flags of AThing.
//
//ioctl:flags a_flags
const (
	// The only one.
	A_ONE = 1
)
`

const goodShort = `package ioctl

import "structs"

// BThing shows the ItemWidth. ENOMEM. EMFILE: too many.
type BThing struct {
	_ structs.HostLayout
	Value uint32
	Id uint32 'out'
}

// Things of Linux.
//
//ioctl:family Other
const (
	B_DO Request = 3<<30 | 8<<16 | 0x62<<8 | 5 // BThing: Value -> Id
)
`

const goodExamples = `package ioctl_test

// Do it.
func do(dev int) error {
	_ = ioctl.A_UNDO // again
	return ioctl.Do(dev, ioctl.A_DO, nil)
}
`

// generate makes a page of the three files, with one change.
func generate(t *testing.T, from, to string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"dmatest.go": good, "b.go": goodShort, "example_test.go": goodExamples} {
		text = strings.Replace(text, from, to, 1)
		// Tags, in a text that is quoted itself.
		for _, tag := range []string{"flags=a_flags", "pad", "ptr=AnItem,len=Count,out", "out"} {
			text = strings.ReplaceAll(text, "'"+tag+"'", "`ioctl:\""+tag+"\"`")
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	out, err := Generate(dir, Layout{Intro: "# Page", Linux: "## Linux", Examples: "example_test.go",
		Own: []Section{{"dmatest.go", "Ours", "x.h"}}, Short: []Section{{Source: "b.go", Title: "Short"}}})
	return string(out), err
}

func TestGenerate(t *testing.T) {
	got, err := generate(t, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Page\n\n## Ours\n", "`A_DEVICE` (`/dev/a`) is the device. Every request has this error.\n", "| `ENODEV` | it is gone |\n",
		"\n### A_DO\n\n`0xc0186105`, `_IOWR('a', 5, struct vdev_a_thing)`, in Go `AThing`\n\nMakes a thing of `struct vdev_an_item`.\n",
		"| `flags` | `__u32` | in | Flags: [a_flags](#a_flags). |\n", "| `count` | `__u32` |  | Reserved: 0. |\n",
		"| `items` | `__u64` | out | Points to struct `vdev_an_item`, as many as count says. Where they are. |\n",
		"| `item_width` | `__u32` | out | In pixels. |\n",
		"**Blocks** until there is room.\n", "| `EBUSY`, `ENOSPC` | there are too many |\n| `EINTR` | a signal came |\n| others | those of things |\n",
		"Do it.\n\n```go\nfunc do(dev int) error {\n\t_ = ioctl.A_UNDO // again\n",
		"Undoes what [`A_DO`](#a_do) did.\n", "Does not block.\n\n| error | when |\n|---|---|\n| `EINVAL` | it is a\\|b |\n\nAn example is at [`A_DO`](#a_do).\n",
		"#### a_flags\n\nFlags of `struct vdev_a_thing`.\n\n| | | |\n|---|---|---|\n| `A_ONE` | 1 | The only one. |\n",
		"## Linux\n\n### Short\n\nThings of Linux.\n",
		"**`B_DO`**: `0xc0086205`, `_IOWR('b', 0x5, struct b_thing)`. Shows the `item_width`. `ENOMEM`. `EMFILE`: too many.\n",
		"\n```\nvalue  __u32  in\nid     __u32  out\n```\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestGapsAreRefused(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"what it does", "// AThing makes a thing of AnItem.\n//\n", "", "A_DO: nothing says what it does"},
		{"what it does, in short", "// BThing shows the ItemWidth. ENOMEM. EMFILE: too many.\n", "", "B_DO: nothing says what it does"},
		{"what it waits for", "// Blocks until there is room.\n//\n", "", "A_DO: it can be interrupted, but nothing says what it waits for"},
		{"interruption", "// EINTR: a signal came. ", "// ", "A_DO: it blocks, but nothing is said about EINTR"},
		{"an error", "EINVAL: the size is 0.", "EINVAL.", "A_DO: nothing says when EINVAL comes"},
		{"a field", "\t// In bytes.\n", "", "A_DO: nothing is said about the field first"},
		{"values", "//ioctl:flags a_flags\n", "", "values of a_flags"},
		{"an example", "_ = ioctl.A_UNDO // again", "", "A_UNDO: there is no example"},
		{"a structure", "// AThing\n", "// Nothing\n", `A_DO: there is no structure "Nothing"`},
		{"a section", "//ioctl:family Other\n", "", "b.go: there are no requests"},
		{"a value", "24<<16", "x<<16", "A_DO has no value"},
		{"an arrow", "Value -> Id", "Value", "has no arrow"},
		{"syntax", "func do(", "func (", "example_test.go:"},
	} {
		if _, err := generate(t, c.from, c.to); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Generate("..", Layout{Examples: "example_test.go"}); err == nil || !strings.Contains(err.Error(), "its requests are on no page") {
		t.Errorf("requests on no page: error %v", err)
	}
}
