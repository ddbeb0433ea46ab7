// SPDX-License-Identifier: Apache-2.0

package pixel

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// TestFormats has the words that drm_fourcc.h's bit pictures give for one colour, and
// what is left of it after reading them back.
func TestFormats(t *testing.T) {
	const colour = 0x80f84c13
	for _, c := range []struct {
		f          Format
		name       string
		bytes      int
		word, back uint32
	}{
		{XRGB8888, "XR24", 4, 0xfff84c13, 0xfff84c13},
		{ARGB8888, "AR24", 4, 0x80f84c13, 0x80f84c13},
		{XBGR8888, "XB24", 4, 0xff134cf8, 0xfff84c13},
		{ABGR8888, "AB24", 4, 0x80134cf8, 0x80f84c13},
		{RGB565, "RG16", 2, 31<<11 | 19<<5 | 2, 0xffff4d10},
		{BGR565, "BG16", 2, 2<<11 | 19<<5 | 31, 0xffff4d10},
		{XRGB1555, "XR15", 2, 1<<15 | 31<<10 | 9<<5 | 2, 0xffff4a10},
		{XBGR1555, "XB15", 2, 1<<15 | 2<<10 | 9<<5 | 31, 0xffff4a10},
	} {
		if got := c.f.Encode(colour); got != c.word {
			t.Errorf("%v: %#x, want %#x", c.f, got, c.word)
		}
		if got := c.f.Decode(c.word); got != c.back {
			t.Errorf("%v: back to %#x, want %#x", c.f, got, c.back)
		}
		if c.f.String() != c.name || c.f.Bytes() != c.bytes || c.f.Alpha() != (c.name[0] == 'A') {
			t.Errorf("%v: %d bytes, alpha %v", c.f, c.f.Bytes(), c.f.Alpha())
		}
		if got, err := ParseFormat(c.name); got != c.f || err != nil {
			t.Errorf("%s parses as %v, %v", c.name, got, err)
		}
	}
	if _, err := ParseFormat("NV12"); err == nil || !strings.Contains(err.Error(), "XR24") {
		t.Errorf("an unknown format: %v", err)
	}
}

func TestStoreAndLoad(t *testing.T) {
	p := TestPicture(37, 23, 1)
	for _, f := range Formats() {
		stride := 37*f.Bytes() + 6
		mem := make([]byte, 23*stride)
		p.Store(mem, stride, f)
		q := Load(mem, 37, 23, stride, f)
		for i, c := range p.Pix {
			if q.Pix[i] != f.Decode(f.Encode(c)) {
				t.Fatalf("%v: pixel %d is %#x, was %#x", f, i, q.Pix[i], c)
			}
		}
		if binary.LittleEndian.Uint16(mem[37*f.Bytes():]) != 0 {
			t.Errorf("%v: bytes between the rows were written", f)
		}
	}
}

func TestPNG(t *testing.T) {
	p := TestPicture(40, 30, 0)
	p.Set(5, 5, 0x80800080) // survives that PNG is not premultiplied
	var b bytes.Buffer
	if err := p.EncodePNG(&b); err != nil {
		t.Fatal(err)
	}
	q, err := DecodePNG(&b)
	if err != nil {
		t.Fatal(err)
	}
	if d := p.Diff(q); d != "" {
		t.Error(d)
	}
	q.Set(1, 2, 0xff123456)
	if d := p.Diff(q); !strings.Contains(d, "1 of 1200 pixels differ, the first at 1,2: 0xff123456") {
		t.Error(d)
	}
	if d := p.Diff(New(1, 1)); d == "" {
		t.Error("pictures of different sizes are the same")
	}
}

// TestTestPicture transforms the picture in the ways that it is there to reveal.
func TestTestPicture(t *testing.T) {
	const w, h = 320, 180
	p := TestPicture(w, h, 0)
	for name, at := range map[string]func(x, y int) uint32{
		"mirrored":       func(x, y int) uint32 { return p.At(w-1-x, y) },
		"upside down":    func(x, y int) uint32 { return p.At(x, h-1-y) },
		"red is blue":    func(x, y int) uint32 { return XRGB8888.Decode(XBGR8888.Encode(p.At(x, y))) },
		"a row is lost":  func(x, y int) uint32 { return p.At(x, min(h-1, y+1)) },
		"shifted":        func(x, y int) uint32 { return p.At(max(0, x-1), y) },
		"another stride": func(x, y int) uint32 { return p.Pix[(y*(w+1)+x)%len(p.Pix)] },
		"the next frame": TestPicture(w, h, 1).At,
	} {
		wrong := 0
		for y := range h {
			for x := range w {
				if at(x, y) != p.At(x, y) {
					wrong++
				}
			}
		}
		if wrong < w {
			t.Errorf("%s: only %d pixels differ", name, wrong)
		}
	}
}
