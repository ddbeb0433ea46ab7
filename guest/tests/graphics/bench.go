// SPDX-License-Identifier: Apache-2.0

//go:build linux

package graphics

import (
	"errors"
	"fmt"
	"image"
	"slices"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

// Pictures are small: a line of the cache is 16 pixels.
const (
	width  = 64
	height = 32
)

// Bench is what a program works with. All of it goes when the program is over.
type Bench struct {
	Card   *drm.Card
	output *drm.Output // if it was used
	close  []func() error
}

// Run runs a program by its name, in its broken or its correct form, and tells whether
// all pixels were as they should.
func Run(name string, broken bool) (right bool, err error) {
	fn := ""
	for _, p := range Pairs() {
		if p.Name == name && !(broken && p.Code == Silent) {
			fn = p.Func
		}
	}
	for _, f := range Findings() {
		if f.Name == name && !broken {
			fn = f.Func
		}
	}
	run, ok := programs()[fn]
	if !ok {
		return false, fmt.Errorf("there is no program %q, or no such form of it", name)
	}
	b, err := newBench()
	if err != nil {
		return false, err
	}
	right, err = run(b, broken)
	return right, errors.Join(err, b.done())
}

// program tells whether it found all pixels as they should be.
type program func(b *Bench, broken bool) (right bool, err error)

func newBench() (*Bench, error) {
	card, err := drm.Open(drm.Exynos)
	if err != nil {
		return nil, err
	}
	return &Bench{Card: card, close: []func() error{card.Close}}, nil
}

// done switches the display off and closes everything.
func (b *Bench) done() error {
	var all error
	if b.output != nil {
		all = b.output.NewCommit().Disable().Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET, 0)
		b.output = nil
	}
	for _, c := range slices.Backward(b.close) {
		all = errors.Join(all, c())
	}
	b.close = nil
	return all
}

// later closes something at the end.
func (b *Bench) later(c interface{ Close() error }) { b.close = append(b.close, c.Close) }

// image makes an image with a name.
func (b *Bench) image(kind drm.Kind, name string) (*drm.Image, error) {
	return b.imageOf(kind, name, width, height, pixel.XRGB8888)
}

func (b *Bench) imageOf(kind drm.Kind, name string, w, h int, f pixel.Format) (*drm.Image, error) {
	m, err := b.Card.NewImage(kind, w, h, f)
	if err != nil {
		return nil, err
	}
	b.later(m)
	return m, m.Buf.SetName(name)
}

// images makes several of one kind.
func (b *Bench) images(kind drm.Kind, names ...string) ([]*drm.Image, error) {
	var all []*drm.Image
	for _, name := range names {
		m, err := b.image(kind, name)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// copy has the engine copy a whole image.
func (b *Bench) copy(dst, src *drm.Image) error {
	return b.Card.Run(drm.Copy(dst.Surface(), image.Point{}, src.Surface(), src.Bounds()))
}

// fill has the engine fill a whole image.
func (b *Bench) fill(dst *drm.Image, color uint32) error {
	return b.Card.Run(drm.Fill(dst.Surface(), dst.Bounds(), color))
}

// store writes a picture into an image without a sync. Like load it is a function of
// its own in backtraces.
//
//go:noinline
func store(m *drm.Image, p *pixel.Picture) { p.Store(m.Mem, m.Stride, m.Format) }

// load reads an image without a sync.
//
//go:noinline
func load(m *drm.Image) *pixel.Picture {
	return pixel.Load(m.Mem, m.Width, m.Height, m.Stride, m.Format)
}

// plain is a picture of one colour.
func plain(color uint32) *pixel.Picture {
	p := pixel.New(width, height)
	p.Fill(image.Rect(0, 0, width, height), color)
	return p
}

// same compares pictures pixel by pixel.
func same(got, want *pixel.Picture) bool { return want.Diff(got) == "" }
