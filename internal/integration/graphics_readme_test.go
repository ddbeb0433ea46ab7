// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeShowsPictures types what the README says about pictures.
func TestReadmeShowsPictures(t *testing.T) {
	needImage(t)
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## See the picture\n")
	section, _, _ = strings.Cut(section, "\n## ")
	lines := regexp.MustCompile(`(?m)^    (vdev exec .*?)(?:\s+#.*)?$`).FindAllStringSubmatch(section, -1)
	if len(lines) < 4 {
		t.Fatalf("the README has %d commands", len(lines))
	}
	for _, l := range lines {
		dir := t.TempDir()
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		cmd := exec.CommandContext(ctx, "sh", "-c", l[1])
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", l[1], err, out)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 {
			t.Errorf("%s leaves %v, %v", l[1], files, err)
			continue
		}
		if info, err := files[0].Info(); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %s has %d bytes, %v", l[1], info.Name(), info.Size(), err)
		}
	}
}
