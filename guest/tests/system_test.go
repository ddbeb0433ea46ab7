// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"os/exec"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"testing"
)

func TestUname(t *testing.T) {
	var u syscall.Utsname
	must(t, syscall.Uname(&u))
	text := func(f [65]int8) string {
		var b strings.Builder
		for _, c := range f {
			if c == 0 {
				break
			}
			b.WriteByte(byte(c))
		}
		return b.String()
	}
	machine := map[string]string{"riscv64": "riscv64", "amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	if text(chars(u.Sysname)) != "Linux" || text(chars(u.Machine)) != machine {
		t.Errorf("got %s on %s", text(chars(u.Sysname)), text(chars(u.Machine)))
	}
}

// chars hides that char is signed on some architectures only.
func chars[T int8 | uint8](f [65]T) (c [65]int8) {
	for i := range f {
		c[i] = int8(f[i])
	}
	return c
}

func TestProcAndSys(t *testing.T) {
	for _, name := range []string{"/proc/self/maps", "/proc/meminfo", "/proc/interrupts", "/sys/devices/system/cpu/online"} {
		if b, err := os.ReadFile(name); err != nil || len(b) == 0 {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	for _, name := range []string{"/dev/null", "/dev/zero", "/dev/urandom"} {
		if info, err := os.Stat(name); err != nil || info.Mode()&os.ModeCharDevice == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	random := make([]byte, 64)
	f, err := os.Open("/dev/urandom")
	must(t, err)
	defer f.Close()
	if _, err := f.Read(random); err != nil || string(random) == string(make([]byte, 64)) {
		t.Errorf("urandom: %v", err)
	}
}

// shell returns the name of a shell with -c: u-root's or the host's.
func shell(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"gosh", "sh"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no shell in PATH")
	return ""
}

func TestShell(t *testing.T) {
	sh := shell(t)
	dir := t.TempDir()
	for _, name := range []string{"a.txt", "b.txt", "c.dat"} {
		must(t, os.WriteFile(dir+"/"+name, []byte("in "+name+"\n"), 0o600))
	}
	cases := []struct {
		name, script string
		want         string
		status       int
	}{
		{"pipeline", "cat a.txt b.txt c.dat | grep txt | wc -l", "2", 0},
		{"redirection", "echo one >out; echo two >>out; cat <out; echo err 2>/dev/null >&2", "one\ntwo", 0},
		{"globbing", "echo *.txt ?.dat none*", "a.txt b.txt c.dat none*", 0},
		{"status", "true; echo $?; false; echo $?; exit 42", "0\n1", 42},
		{"and, or, loops", "for i in 1 2 3; do test $i = 2 && echo two || echo $i; done", "1\ntwo\n3", 0},
		{"substitution", "x=$(echo in; echo ner); echo \"<$x>\"; echo $((6*7))", "<in\nner>\n42", 0},
		{"here document", "cat <<E\n$HOME line\nE", "/home line", 0},
		{"subshell", "(cd /; exit 3); echo $?; pwd", "3\n" + dir, 0},
		{"function", "f() { echo \"f $1\"; return 5; }; f x; echo $?", "f x\n5", 0},
		{"status of a program", sh + " -c 'exit 7'; echo $?", "7", 0},
		{"sh by its name", "sh -c 'echo inner; exit 8'; echo $?", "inner\n8", 0},
		{"script with /bin/sh", "echo '#!/bin/sh' >s; echo 'echo script $1' >>s; chmod 755 s; ./s x", "script x", 0},
	}
	for _, c := range cases {
		cmd := exec.Command(sh, "-c", c.script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME=/home", "PWD="+dir)
		out, err := cmd.Output()
		if cmd.ProcessState == nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := strings.TrimSpace(string(out)); got != c.want || cmd.ProcessState.ExitCode() != c.status {
			t.Errorf("%s: got %q, status %d, want %q, status %d", c.name, got, cmd.ProcessState.ExitCode(), c.want, c.status)
		}
	}
}

// TestDigest computes with much of the standard library and compares with
// results from another machine. The numbers of harts and threads must not
// matter.
func TestDigest(t *testing.T) {
	jobs := []struct {
		name string
		run  func() []byte
		want string // first eight bytes of SHA-256
	}{
		{"integers", func() []byte { return fmt.Append(nil, mix(100000)) }, "a35c55f85194a459"},
		{"hash chain", hashChain, "ecaf9b94acdead44"},
		{"big numbers", func() []byte {
			f := new(big.Int).MulRange(1, 600)
			return f.Exp(f, big.NewInt(3), big.NewInt(1000000007)).Append(nil, 10)
		}, "d00f5b1b84476ae0"},
		{"floating point", floats, "34188a2fbb380668"},
		{"sorting and maps", sorting, "cd988d9e7d1d6d40"},
		{"text", func() []byte {
			v := map[string]any{"pi": math.Pi, "list": []int{1, 2, 3}, "s": "ü\x00\u2028"}
			b, err := json.Marshal(v)
			if err != nil {
				panic(err)
			}
			return b
		}, "a2a902e7bed4d624"},
	}
	const copies = 3
	got := make([][copies]string, len(jobs))
	threads(copies, func(i int) {
		for n, j := range jobs {
			sum := sha256.Sum256(j.run())
			got[n][i] = hex.EncodeToString(sum[:8])
		}
	})
	for n, j := range jobs {
		for i, g := range got[n] {
			if g != j.want {
				t.Errorf("%s, thread %d: %s, want %s", j.name, i, g, j.want)
			}
		}
	}
}

func hashChain() []byte {
	sum := sha256.Sum256([]byte("vdev"))
	for range 2000 {
		sum = sha256.Sum256(sum[:])
	}
	return sum[:]
}

// floats uses what Go defines bit for bit on every machine. The conversions
// keep compilers from fusing a multiplication with an addition.
func floats() []byte {
	var out []byte
	x := 0.5
	for i := range 20000 {
		x = float64(float64(3.9*x) * (1 - x))
		if i%1000 == 0 {
			out = fmt.Appendf(out, "%x %x %x;", x, math.Sqrt(x), math.FMA(x, x, -1))
		}
	}
	f := float32(0.1)
	for range 1000 {
		f = float32(f*1.001) + 0.5
	}
	return fmt.Appendf(out, "%x %d %g", f, int32(f), math.Floor(-x))
}

func sorting() []byte {
	m := map[uint64]int{}
	h := uint64(1)
	for i := range 20000 {
		h = h*6364136223846793005 + 1442695040888963407
		m[h>>44] += i
	}
	keys := make([]uint64, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
	var out []byte
	for _, k := range keys {
		out = fmt.Append(out, k, m[k], ' ')
	}
	return out
}
