// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package disk puts a file system on the virtio disk under load. Whatever is lost
// or stale on the way between processor and device shows in the checksums. It needs
// a disk with an ext4 file system ("vdev exec --disk FILE") and skips without.
package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	device  = "/dev/vda"
	writers = 4 // processes
	files   = 4 // of each
	rounds  = 2

	// roleEnv makes this program one of the writers.
	roleEnv = "VDEV_DISK_WRITER"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(roleEnv); dir != "" {
		if err := write(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// content is what the file with that name holds: random bytes that depend on the
// name alone, of a length that ends within a block.
func content(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	r := rand.NewChaCha8(sum)
	b := make([]byte, 64<<10+int(binary.LittleEndian.Uint32(sum[:4])%(192<<10)))
	_, _ = r.Read(b)
	return b
}

func write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := range files {
		name := filepath.Join(dir, fmt.Sprint(i))
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		b := content(name)
		for len(b) > 0 && err == nil { // in pieces, some of them made durable
			n := min(len(b), 10_000)
			_, err = f.Write(b[:n])
			b = b[n:]
			if err == nil && len(b)%3 == 0 {
				err = f.Sync()
			}
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func mount(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Mount(device, dir, "ext4", 0, ""); err != nil {
		t.Fatalf("mount: %v", err)
	}
}

func unmount(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Unmount(dir, 0); err != nil {
		t.Fatalf("umount: %v", err)
	}
}

func TestFileSystemUnderLoad(t *testing.T) {
	if _, err := os.Stat(device); err != nil {
		t.Skip("no disk")
	}
	dir := t.TempDir()
	for round := range rounds {
		mount(t, dir)
		var running []*exec.Cmd
		var dirs []string
		for w := range writers {
			sub := filepath.Join(dir, fmt.Sprintf("round%d-%d", round, w))
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), roleEnv+"="+sub)
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			running, dirs = append(running, cmd), append(dirs, sub)
		}
		for _, cmd := range running {
			if err := cmd.Wait(); err != nil {
				t.Errorf("writer: %v", err)
			}
		}
		unmount(t, dir) // forgets what the page cache holds
		mount(t, dir)
		for _, sub := range dirs {
			for i := range files {
				name := filepath.Join(sub, fmt.Sprint(i))
				got, err := os.ReadFile(name)
				if err != nil {
					t.Error(err)
				} else if !bytes.Equal(got, content(name)) {
					t.Errorf("%s: read other bytes than were written", name)
				}
			}
			if err := os.RemoveAll(sub); err != nil {
				t.Error(err)
			}
		}
		unmount(t, dir)
	}
}
