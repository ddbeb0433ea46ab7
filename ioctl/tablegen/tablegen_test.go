// SPDX-License-Identifier: Apache-2.0

package tablegen

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTablesAreUpToDate(t *testing.T) {
	want, err := Generate("..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", Output))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("ioctl/%s does not follow the declarations: run go generate ./ioctl", Output)
	}
}

// good is a declaration that the table below breaks.
const good = `package ioctl

import "structs"

type Request uint32

const FamilyThing = 1

// AThing is a thing.
type AThing struct {
	_     structs.HostLayout
	Flags uint32
}

// What to do with things.
//
//ioctl:family Thing
const (
	A_DO    Request = 3<<30 | 4<<16 | 0x61<<8 | 5 // AThing: Flags=a_thing -> Flags
	A_CLEAR Request = 0x61<<8 | 6                 // none
	A_SET   Request = 1<<30 | 4<<16 | 0x61<<8 | 7 // uint32
	A_NAME  Request = 1<<30 | 8<<16 | 0x61<<8 | 8 // string
)

// Flags of things.
//
//ioctl:flags a_thing
const (
	A_ONE = 1
	A_TWO = 2 // of 6
)

// Kinds of things.
//
//ioctl:enum a_kind
const (
	A_KIND = 1
)
`

func generate(t *testing.T, text string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := Generate(dir)
	return string(out), err
}

func TestGenerate(t *testing.T) {
	got, err := generate(t, good)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{Name: "A_DO", Request: A_DO, Family: FamilyThing, in: []string{"Flags=a_thing"}, out: []string{"Flags"}, Arg: reflect.TypeFor[AThing]()}`,
		`{Name: "A_CLEAR", Request: A_CLEAR, Family: FamilyThing}`,
		`{Name: "A_SET", Request: A_SET, Family: FamilyThing, Arg: reflect.TypeFor[uint32]()}`,
		`{Name: "A_NAME", Request: A_NAME, Family: FamilyThing, Form: FormString}`,
		"\t\treflect.TypeFor[AThing](),\n\t}\n",
		`{"A_ONE", A_ONE, A_ONE}`, `{"A_TWO", A_TWO, 6}`, `{"A_KIND", A_KIND, 0}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestBadDeclarationsAreRefused(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"no family", "//ioctl:family Thing\n", "", "A_DO has no family"},
		{"unknown family", "family Thing", "family Other", `no family "Other"`},
		{"unknown directive", "//ioctl:enum", "//ioctl:kind", `unknown directive "//ioctl:kind a_kind"`},
		{"set without a name", "//ioctl:enum a_kind", "//ioctl:enum", `the set ""`},
		{"set of the same name", "enum a_kind", "enum a_thing", `the set "a_thing"`},
		{"no argument", "// none", "", `A_CLEAR: the comment names no structure, but ""`},
		{"unknown argument", "// none", "// Nothing", `A_CLEAR: the comment names no structure, but "Nothing"`},
		{"fields of nothing", "// none", "// none: A -> B", `A_CLEAR: the comment names no structure, but "none"`},
		{"no arrow", " -> Flags", "", "has no arrow"},
		{"unknown field", "-> Flags", "-> Flag", `AThing has no field "Flag"`},
	} {
		if _, err := generate(t, strings.Replace(good, c.from, c.to, 1)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := generate(t, "package"); err == nil {
		t.Error("a syntax error is accepted")
	}
	if _, err := Generate(t.TempDir()); err == nil {
		t.Error("an empty directory is accepted")
	}
}
