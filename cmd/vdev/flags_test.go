// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSizeFlag(t *testing.T) {
	cases := []struct {
		text string
		want uint64
		show string
	}{
		{"512M", 512 << 20, "512M"},
		{"512m", 512 << 20, "512M"},
		{"512MB", 512 << 20, "512M"},
		{"512MiB", 512 << 20, "512M"},
		{"2G", 2 << 30, "2G"},
		{"1024K", 1 << 20, "1M"},
		{"4097", 4097, "4097"},
		{"0", 0, "0"},
	}
	for _, c := range cases {
		var s sizeFlag
		if err := s.Set(c.text); err != nil || uint64(s) != c.want || s.String() != c.show {
			t.Errorf("%s: got %d %q %v, want %d %q", c.text, uint64(s), s.String(), err, c.want, c.show)
		}
	}
	for _, text := range []string{"", "M", "-1", "1.5G", "512X", "0x10", "99999999999G", "17179869184G"} {
		s := sizeFlag(1)
		if err := s.Set(text); err == nil || s != 1 {
			t.Errorf("%q: got %d, %v, want an error", text, uint64(s), err)
		}
	}
}

func TestExecFlagsEndAtTheProgram(t *testing.T) {
	cmd := newExecCmd()
	if err := cmd.ParseFlags([]string{"--env", "A=1", "--env", "B=2", "prog", "--env", "C=3", "-t"}); err != nil {
		t.Fatal(err)
	}
	env, err := cmd.Flags().GetStringArray("env")
	if err != nil || !slices.Equal(env, []string{"A=1", "B=2"}) {
		t.Errorf("env is %q, %v", env, err)
	}
	if want := []string{"prog", "--env", "C=3", "-t"}; !slices.Equal(cmd.Flags().Args(), want) {
		t.Errorf("arguments are %q, want %q", cmd.Flags().Args(), want)
	}
}

func TestFilesForTheGuest(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "with:colon", "tree/x", "tree/sub/y"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		spec string
		want []string
	}{
		{dir + "/a", []string{"a"}},
		{dir + "/a:b", []string{"b"}},
		{dir + "/a:/etc/b", []string{"/etc/b"}},
		{dir + "/a:/etc/", []string{"/etc/a"}},
		{dir + "/with:colon", []string{"with:colon"}},
		{dir + "/with:colon:plain", []string{"plain"}},
		{dir + "/tree", []string{"tree/sub/y", "tree/x"}},
		{dir + "/tree/", []string{"tree/sub/y", "tree/x"}},
		{dir + "/tree:/data", []string{"/data/sub/y", "/data/x"}},
	}
	for _, c := range cases {
		list, err := openFiles([]string{c.spec})
		if err != nil {
			t.Errorf("%s: %v", c.spec, err)
		}
		var got []string
		for _, f := range list {
			got = append(got, f.Path)
			b := make([]byte, f.Size)
			if n, err := f.Data.Read(b); n != len(b) || err != nil || f.Mode != 0o600 {
				t.Errorf("%s: %s: read %d bytes, %v, mode %v", c.spec, f.Path, n, err, f.Mode)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.spec, got, c.want)
		}
	}
}
