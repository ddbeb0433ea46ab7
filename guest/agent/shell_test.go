// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestShellArgs gives the translated arguments to a real sh, which must do
// with them what it does with the original ones.
func TestShellArgs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "it's a script")
	if err := os.WriteFile(file, []byte("echo \"$#:$1:$2\"; exit 3"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-c", "echo $#"},
		{"-c", "echo $#", "name"},
		{"-c", "echo \"$#:$1:$2\"", "name", "a b", "it's"},
		{"-c", "for i; do echo $i; done", "name", "$HOME", "*", ""},
		{file},
		{file, "", "two words"},
		{"-e", file},
	} {
		want, wantErr := exec.Command("sh", args...).Output()
		got, gotErr := exec.Command("sh", shellArgs(args)...).Output()
		if string(got) != string(want) || (gotErr == nil) != (wantErr == nil) {
			t.Errorf("%q becomes %q: %q, %v, want %q, %v", args, shellArgs(args), got, gotErr, want, wantErr)
		}
	}
}
