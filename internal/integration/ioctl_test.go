// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"path/filepath"
	"strings"
	"testing"
)

// buildTests builds the tests of a package for the guest.
func buildTests(t *testing.T, pkg string) (prog string) {
	t.Helper()
	prog = filepath.Join(t.TempDir(), "guest.test")
	if err := goForGuest("test", "-c", "-o", prog, pkg); err != nil {
		t.Fatal(err)
	}
	return prog
}

// TestDocumentedIoctls runs the examples of docs/ioctl.md, which are silent, and makes
// the errors come that it names, of which some are reported. Signals, too, do what it
// says.
func TestDocumentedIoctls(t *testing.T) {
	needImage(t)
	prog := buildTests(t, "vdev/ioctl")
	for _, c := range []struct {
		test  string
		flags []string
	}{
		{"TestExamples", nil},
		{"TestErrors", []string{"--report-only"}},
		{"TestTesterErrors", nil},
		{"TestInterruptedExporter", nil},
	} {
		r := vdev(t, "", append(append([]string{"exec"}, c.flags...), prog, "-test.v", "-test.run=^"+c.test+"$")...)
		if r.status != 0 || !strings.Contains(r.stdout, "--- PASS: "+c.test) {
			t.Errorf("%s: status %d\n%s%s", c.test, r.status, r.stdout, r.stderr)
		}
	}
}
