// SPDX-License-Identifier: Apache-2.0

package display

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"testing"
	"time"
)

// colours makes a picture of rows of pixels.
func colours(rows ...[]color.RGBA) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, len(rows[0]), len(rows)))
	for y, row := range rows {
		for x, c := range row {
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func testColours() (red, green, white color.RGBA) {
	return color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{255, 255, 255, 255}
}

// window is part of a larger picture: its rows are not adjacent.
func window(img *image.RGBA) *image.RGBA {
	big := image.NewRGBA(image.Rect(-3, -2, 20, 20))
	r := img.Rect.Add(image.Pt(5, 7))
	for y := range r.Dy() {
		for x := range r.Dx() {
			big.SetRGBA(r.Min.X+x, r.Min.Y+y, img.RGBAAt(x, y))
		}
	}
	return big.SubImage(r).(*image.RGBA)
}

func TestY4M(t *testing.T) {
	red, green, white := testColours()
	first := colours([]color.RGBA{red, green, white}, []color.RGBA{white, {}, red})
	want := "YUV4MPEG2 W3 H2 F60:1 Ip A1:1 C444 XCOLORRANGE=FULL XVDEV_MATRIX=BT601\n" +
		"FRAME XVDEV_TIME_NS=16666667\n" +
		"\x4c\x96\xff\xff\x00\x4c" + "\x55\x2c\x80\x80\x80\x55" + "\xff\x15\x80\x80\x80\xff" +
		// Smaller in one direction, larger in the other.
		"FRAME XVDEV_TIME_NS=2000000000 XVDEV_SIZE=2x3\n" +
		"\x96\x4c\x00\xff\xff\x00" + "\x2c\x55\x80\x80\x80\x80" + "\x15\xff\x80\x80\x80\x80"
	second := colours([]color.RGBA{green, red}, []color.RGBA{white, white}, []color.RGBA{red, red})
	for _, c := range []struct {
		name string
		of   func(*image.RGBA) *image.RGBA
	}{
		{"whole", func(img *image.RGBA) *image.RGBA { return img }},
		{"window", window},
	} {
		var got bytes.Buffer
		y := NewY4M(&got, 3, 2, 60, 1)
		for _, f := range []struct {
			img *image.RGBA
			at  time.Duration
		}{{first, 16666667}, {second, 2 * time.Second}} {
			if err := y.Frame(c.of(f.img), f.at); err != nil {
				t.Fatal(err)
			}
		}
		if got.String() != want {
			t.Errorf("%s:\n%q, want\n%q", c.name, got.String(), want)
		}
	}
}

func TestY4MRate(t *testing.T) {
	for _, c := range []struct {
		num, den int
		want     string
	}{{60000, 1001, " F60000:1001 "}, {0, 0, " F0:0 "}, {60, 0, " F0:0 "}, {-1, 1, " F0:0 "}} {
		var got bytes.Buffer
		red, _, _ := testColours()
		if err := NewY4M(&got, 1, 1, c.num, c.den).Frame(colours([]color.RGBA{red}), 0); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(got.Bytes(), []byte(c.want)) {
			t.Errorf("%d/%d: no %q in %q", c.num, c.den, c.want, got.String())
		}
	}
}

// writer takes some bytes and then fails.
type writer struct {
	room, calls int
	err         error
}

func (w *writer) Write(p []byte) (int, error) {
	w.calls++
	n := min(w.room, len(p))
	if w.room -= n; n < len(p) {
		return n, w.err
	}
	return n, nil
}

func TestY4MErrors(t *testing.T) {
	full := errors.New("full")
	red, _, _ := testColours()
	for _, c := range []struct {
		w    writer
		want error
	}{
		{writer{room: 100, err: full}, full},
		{writer{room: 20}, io.ErrShortWrite},
		{writer{room: 1 << 20}, nil},
	} {
		if err := NewY4M(&c.w, 8, 8, 60, 1).Frame(colours([]color.RGBA{red}), 0); !errors.Is(err, c.want) {
			t.Errorf("error %v, want %v", err, c.want)
		}
		if c.w.calls != 1 {
			t.Errorf("%d calls of Write, want 1", c.w.calls)
		}
	}
}

func TestStill(t *testing.T) {
	red, green, white := testColours()
	var s Still
	if s.Image() != nil {
		t.Error("a picture from nowhere")
	}
	for _, img := range []*image.RGBA{
		colours([]color.RGBA{red, green}),
		colours([]color.RGBA{green, white}),
		colours([]color.RGBA{white}, []color.RGBA{red}),
		window(colours([]color.RGBA{red}, []color.RGBA{green})),
	} {
		s.Frame(img)
		want := Copy(img)
		clear(img.Pix) // the caller uses it again
		var b bytes.Buffer
		if err := WritePNG(&b, s.Image()); err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		if got.Bounds().Size() != want.Rect.Size() {
			t.Fatalf("size %v, want %v", got.Bounds(), want.Rect)
		}
		for y := range want.Rect.Dy() {
			for x := range want.Rect.Dx() {
				min := want.Rect.Min
				if g, w := color.RGBAModel.Convert(got.At(x, y)), want.RGBAAt(min.X+x, min.Y+y); g != w {
					t.Errorf("pixel %d, %d is %v, want %v", x, y, g, w)
				}
			}
		}
	}
}

func TestStillKeepsWhatIsNotBlack(t *testing.T) {
	red, green, _ := testColours()
	black := color.RGBA{A: 255}
	var s Still
	for i, c := range []struct{ shown, want color.RGBA }{
		{black, black}, {red, red}, {black, red}, {green, green}, {black, green}, {black, green},
	} {
		// The last pixel decides.
		s.Frame(window(colours([]color.RGBA{black, black}, []color.RGBA{black, c.shown})))
		r := s.Image().Rect
		if got := s.Image().RGBAAt(r.Max.X-1, r.Max.Y-1); got != c.want {
			t.Errorf("after picture %d: %v, want %v", i, got, c.want)
		}
	}
}

// picture is 1080p of many colours.
func picture() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 1920, 1080))
	x := uint32(1)
	for i := range img.Pix {
		x = x*1664525 + 1013904223
		img.Pix[i] = byte(x >> 24)
	}
	return img
}

func BenchmarkY4M(b *testing.B) {
	img := picture()
	y := NewY4M(io.Discard, img.Rect.Dx(), img.Rect.Dy(), 60, 1)
	b.SetBytes(int64(len(img.Pix)))
	for b.Loop() {
		if err := y.Frame(img, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStill(b *testing.B) {
	img := picture()
	var s Still
	b.SetBytes(int64(len(img.Pix)))
	for b.Loop() {
		s.Frame(img)
	}
}
