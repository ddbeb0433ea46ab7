// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vdev/images"
)

func toPrompt(t *testing.T, args ...string) outcome {
	t.Helper()
	o := vdev(t, "", append([]string{"boot", "--exit-at-prompt", "--digest"}, args...)...)
	if o.status != 0 {
		t.Fatalf("vdev boot %v: status %d\n%s%s", args, o.status, o.stdout, o.stderr)
	}
	if !strings.HasSuffix(strings.TrimRight(o.stdout, "\r\n"), "$ ") {
		t.Errorf("vdev boot %v: the console does not end with the prompt:\n%s", args, o.stdout)
	}
	return o
}

func TestTwoBootsAreTheSameInstructionForInstruction(t *testing.T) {
	needImage(t)
	var digests []string
	for _, harts := range []string{"1", "4"} {
		first := toPrompt(t, "--harts", harts).digestLine(t)
		if again := toPrompt(t, "--harts", harts).digestLine(t); again != first {
			t.Errorf("%s harts: %s, then %s", harts, first, again)
		}
		digests = append(digests, first)
	}
	if digests[0] == digests[1] {
		t.Errorf("1 and 4 harts have the same digest, so it tells nothing: %s", digests[0])
	}
	if other := toPrompt(t, "--seed", "1").digestLine(t); other == digests[0] {
		t.Errorf("another seed has the same digest: %s", other)
	}
}

func TestOpenSBIBootsTheSameKernel(t *testing.T) {
	needImage(t)
	const dir = "/usr/lib/riscv64-linux-gnu/opensbi/generic"
	for _, file := range []string{"fw_dynamic.bin", "fw_jump.elf"} {
		fw := filepath.Join(dir, file)
		if _, err := os.Stat(fw); err != nil {
			missing(t, "no OpenSBI (Debian package opensbi)")
		}
		for _, harts := range []string{"1", "4"} {
			o := toPrompt(t, "--firmware", fw, "--harts", harts)
			if !strings.Contains(o.stdout, "OpenSBI") {
				t.Errorf("%s does not announce itself:\n%s", file, o.stdout)
			}
		}
	}
}

func TestDebianKernelReachesThePrompt(t *testing.T) {
	needImage(t)
	deb, err := images.FetchDeb(t.Context(), "linux-image-riscv64", "riscv64", "forky")
	if err != nil {
		missing(t, "no Debian kernel: "+err.Error())
	}
	dir := t.TempDir()
	if err := images.ExtractDeb(t.Context(), deb, dir); err != nil {
		t.Fatal(err)
	}
	var kernel string
	err = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(path), "vmlinu") {
			kernel = path
		}
		return err
	})
	if err != nil || kernel == "" {
		t.Fatalf("no kernel in %s (%v)", deb, err)
	}
	o := toPrompt(t, "--kernel", kernel)
	if !strings.Contains(o.stdout, "deb") {
		t.Errorf("this is not Debian's kernel:\n%s", o.stdout)
	}
}

func TestPowerOffEndsWithSuccess(t *testing.T) {
	needImage(t)
	if o := vdev(t, "echo on=$((40+2)); shutdown\n", "boot"); o.status != 0 || !strings.Contains(o.stdout, "on=42") {
		t.Errorf("status %d\n%s%s", o.status, o.stdout, o.stderr)
	}
}

func TestKernelPanicIsAFailureThatIsShown(t *testing.T) {
	needImage(t)
	o := vdev(t, "", "boot", "--append", "rdinit=/nowhere init=/nowhere root=/dev/none")
	if o.status == 0 || !strings.Contains(o.stderr, "Kernel panic") {
		t.Errorf("status %d; on standard error:\n%s", o.status, o.stderr)
	}
}

func TestBadInputIsOneLine(t *testing.T) {
	needImage(t)
	dir := t.TempDir()
	write := func(name, data string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	noise := write("noise", strings.Repeat("\x93\x17noise", 5000))
	empty := write("empty", "")
	zeros := write("zeros", strings.Repeat("\x00", 4096))
	for _, args := range [][]string{
		{"boot", "--kernel", filepath.Join(dir, "absent")},
		{"boot", "--kernel", noise},
		{"boot", "--kernel", empty},
		{"boot", "--kernel", "/proc/self/exe"},
		{"boot", "--kernel", dir},
		{"boot", "--initrd", noise},
		{"boot", "--firmware", filepath.Join(dir, "absent")},
		{"boot", "--firmware", "/proc/self/exe"},
		{"boot", "--firmware", zeros},
		{"boot", "--disk", filepath.Join(dir, "absent")},
		{"boot", "--disk", empty},
		{"boot", "--disk", dir},
		{"boot", "--memory", "2M"},
		{"boot", "--memory", "lots"},
		{"boot", "--harts", "9"},
		{"boot", "--no-such-flag"},
		{"boot", "surplus"},
		{"exec"},
		{"exec", filepath.Join(dir, "absent")},
		{"exec", noise},
		{"exec", "/proc/self/exe"},
		{"exec", "--file", filepath.Join(dir, "absent"), "true"},
	} {
		o := vdev(t, "", args...)
		if o.status != 125 || strings.Count(o.stderr, "\n") != 1 || !strings.HasPrefix(o.stderr, "vdev: ") {
			t.Errorf("vdev %s: status %d, standard error:\n%s", strings.Join(args, " "), o.status, o.stderr)
		}
		if o.stdout != "" {
			t.Errorf("vdev %s: standard output:\n%s", strings.Join(args, " "), o.stdout)
		}
	}
}
