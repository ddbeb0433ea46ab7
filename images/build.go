// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// builder makes one image.
type builder struct {
	opts   Options // with defaults
	store  *store
	report *reporter
}

func newBuilder(opts Options) *builder {
	r := newReporter(opts.Progress)
	return &builder{opts: opts, report: r, store: &store{root: opts.CacheDir, report: r}}
}

// hashText returns the SHA-256 of a text in hexadecimal.
func hashText(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// Build returns the guest image, making what the cache lacks of it. An error is one
// line that says what to do, but for a kernel that does not compile: then the end
// of the build's log follows.
func Build(ctx context.Context, opts Options) (Image, error) {
	p, err := entries(ctx, opts, true)
	if err != nil {
		return Image{}, err
	}
	return p.image(), nil
}

// ErrNotBuilt reports that the cache holds no complete image for these options.
var ErrNotBuilt = errors.New("the image is not built: run \"vdev image build\"")

// Find returns the guest image if all of it is in the cache and intact, and
// ErrNotBuilt if not.
func Find(ctx context.Context, opts Options) (Image, error) {
	p, err := entries(ctx, opts, false)
	if err != nil {
		return Image{}, err
	}
	return p.image(), nil
}

// parts are the entries that make an image.
type parts struct {
	kernel    *entry
	initramfs *entry // without modules
	guest     *entry // with them; initramfs itself if there are none
	driver    *entry // the modules, or nil
}

func (p parts) image() Image {
	img := imageOf(p.kernel, p.guest)
	if p.driver != nil {
		img.Modules = p.driver.dir
	}
	return img
}

func imageOf(kernel, initramfs *entry) Image {
	return Image{
		Kernel:    kernel.path(kernelImage),
		Vmlinux:   kernel.path(kernelElf),
		Config:    kernel.path(kernelConfig),
		Initramfs: initramfs.path(initramfsFile),
	}
}

// entries returns the entries that make an image.
func entries(ctx context.Context, opts Options, build bool) (parts, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return parts{}, err
	}
	b := newBuilder(opts)
	defer b.report.clear()
	var p parts
	// The initramfs first: what is wrong with it shows in a minute, not after the
	// kernel.
	p.initramfs, err = b.initramfs(ctx, build)
	if err == nil {
		p.kernel, err = b.kernel(ctx, build)
	}
	if err == nil {
		p.guest, p.driver, err = b.guest(ctx, p.kernel, p.initramfs, build)
	}
	switch {
	case ctx.Err() != nil:
		return parts{}, ctx.Err()
	case !build && errors.Is(err, errAbsent):
		return parts{}, ErrNotBuilt
	case !build && errors.Is(err, errDamaged):
		return parts{}, fmt.Errorf("%w (%w)", ErrNotBuilt, err)
	case err != nil:
		return parts{}, diskError(opts.CacheDir, err)
	}
	return p, nil
}

// Part describes one part of an image: what it was made from, and when.
type Part struct {
	Name    string // "kernel", "initramfs", "driver"
	Key     string // hash of the inputs
	Created time.Time
	Inputs  []Input
	Files   []File
}

// Input is one of the things that a part was made from.
type Input struct{ Name, Value string }

// File is a file of a part.
type File struct {
	Path   string
	Size   int64 // bytes
	SHA256 string
}

// Info describes the image in the cache; its error is ErrNotBuilt if there is none.
func Info(ctx context.Context, opts Options) ([]Part, error) {
	p, err := entries(ctx, opts, false)
	if err != nil {
		return nil, err
	}
	all := []Part{partOf(p.kernel), partOf(p.initramfs)}
	if p.driver != nil {
		all = append(all, partOf(p.driver))
	}
	return all, nil
}

func partOf(e *entry) Part {
	p := Part{Name: e.Kind, Key: e.Key, Created: e.Created}
	for _, in := range e.Inputs {
		p.Inputs = append(p.Inputs, Input(in))
	}
	for _, f := range e.Files {
		p.Files = append(p.Files, File{Path: e.path(f.Name), Size: f.Size, SHA256: f.SHA256})
	}
	return p
}
