// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// goTool runs the go command in vdev's source tree.
type goTool struct {
	path    string // of the go command
	src     string // vdev's source tree
	version string // of the toolchain that go.mod selects, such as "go1.26.1"
}

// guestEnv makes the go command compile for the guest. Every hart of the machine
// has what RVA22U64 names, and the compiler makes good use of it.
func guestEnv() []string {
	return []string{"GOOS=linux", "GOARCH=riscv64", "GORISCV64=rva22u64", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly"}
}

// findGo returns the go command for a source tree.
func findGo(ctx context.Context, src string) (*goTool, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		// Where its own installer puts it, without touching the search path.
		path = "/usr/local/go/bin/go"
		if _, err := os.Stat(path); err != nil {
			return nil, errors.New("the go command is not installed, the guest's programs cannot be compiled: see https://go.dev/doc/install")
		}
	}
	g := &goTool{path: path, src: src}
	v, err := g.run(ctx, nil, "env", "GOVERSION")
	if err != nil {
		return nil, err
	}
	g.version = strings.TrimSpace(v)
	return g, nil
}

// run calls the go command in the source tree.
func (g *goTool) run(ctx context.Context, env []string, args ...string) (string, error) {
	return output(ctx, g.src, env, g.path, args...)
}

// goPackage is what we need of "go list -json".
type goPackage struct {
	ImportPath string
	Name       string
	Dir        string
	Standard   bool
	DepOnly    bool
	Module     *struct {
		Path    string
		Version string
		Main    bool
	}
	GoFiles    []string
	SFiles     []string
	EmbedFiles []string
}

// listGuest lists packages for the guest, with all they depend on.
func (g *goTool) listGuest(ctx context.Context, patterns ...string) ([]goPackage, error) {
	args := append([]string{"list", "-deps", "-json=ImportPath,Name,Dir,Standard,DepOnly,Module,GoFiles,SFiles,EmbedFiles"}, patterns...)
	text, err := g.run(ctx, guestEnv(), args...)
	if err != nil {
		return nil, fmt.Errorf("the guest's programs: %w", err)
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(strings.NewReader(text)); dec.More(); {
		var p goPackage
		if err := dec.Decode(&p); err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		pkgs = append(pkgs, p)
	}
	return pkgs, nil
}
