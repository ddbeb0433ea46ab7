// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vdev/guest/drm/pixel"
)

func init() {
	flag.Bool("update", false, "write testdata/pictures from what the commands draw now; look at each before you keep it")
}

func update() bool { return flag.Lookup("update").Value.String() == "true" }

// picturePanel is the display of these tests. Programs that are not told otherwise draw
// as large as it is.
const (
	picturePanel                = "320x180@60"
	pictureWidth, pictureHeight = 320, 180
)

// pictureCase is a command of the guest and how its picture gets out.
type pictureCase struct {
	name   string // of the file below testdata/pictures
	stdout bool   // the picture is what it prints, not what the display shows
	args   string // "-for 20ms" unless stdout
	// same is what the picture has to be besides, if that is known without a file.
	same func() *pixel.Picture
}

// reduced is the test picture in a format.
func reduced(f pixel.Format) func() *pixel.Picture {
	return func() *pixel.Picture {
		p := pixel.TestPicture(pictureWidth, pictureHeight, 0)
		for i, c := range p.Pix {
			p.Pix[i] = f.Decode(f.Encode(c))
		}
		return p
	}
}

func pictureCases() []pictureCase {
	return []pictureCase{
		{name: "kmsshow", args: "kmsshow", same: reduced(pixel.XRGB8888)},
		{name: "kmsshow", args: "kmsshow -buffer gem -format AB24", same: reduced(pixel.XRGB8888)},
		{name: "kmsshow-565", args: "kmsshow -buffer system -format RG16", same: reduced(pixel.RGB565)},
		{name: "kmsshow-565", args: "kmsshow -buffer cma -format BG16", same: reduced(pixel.RGB565)},
		{name: "kmsshow-1555", args: "kmsshow -buffer gem -format XB15"},
		{name: "kmsshow-flips", args: "kmsshow -flips 5 -size 200x120 -x 20 -y 30"},
		{name: "kmsshow-flips", args: "kmsshow -flips 5 -size 200x120 -x 20 -y 30 -fence -buffer cma"},
		{name: "kmsshow-planes", args: "kmsshow -background -plane 1 -format AR24 -alpha 0.5 -size 160x100 -x 50 -y 60 -buffer system"},
		{name: "kmsshow-file", args: "kmsshow -background -plane 4 -format AB24 -x -30 -y 90 disc.png"},
		{name: "g2ddraw", args: "g2ddraw"},
		{name: "g2ddraw", args: "g2ddraw -o - -size 320x180 -async -buffer system", stdout: true},
		{name: "g2ddraw-565", args: "g2ddraw -format RG16 -buffer cma"},
		{name: "g2ddraw-file", args: "g2ddraw -o - -size 240x200 disc.png", stdout: true},
		{name: "bufpass-shown", args: "bufpass -size 280x150"},
		{name: "bufpass", args: "bufpass -o - -size 280x150 -buffer gem", stdout: true},
		{name: "bufpass-file", args: "bufpass -buffer cma -size 200x180 disc.png"},
	}
}

// disc writes a PNG with an alpha channel: a disc that fades from green to yellow, and
// out towards its edge.
func disc(t *testing.T) string {
	t.Helper()
	const size = 120
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			dx, dy := 2*x+1-size, 2*y+1-size
			if d := dx*dx + dy*dy; d < size*size {
				img.SetNRGBA(x, y, color.NRGBA{R: uint8(2 * x), G: 255, A: uint8(255 - 255*d*d/(size*size*size*size))})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "disc.png")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestPictures compares what the graphics commands draw with pictures that somebody has
// looked at, pixel by pixel. Cases with the same file must give the same picture.
func TestPictures(t *testing.T) {
	needImage(t)
	file := disc(t)
	for _, c := range pictureCases() {
		t.Run(c.args, func(t *testing.T) {
			if !update() { // then the cases of one file write it one after the other
				t.Parallel()
			}
			out := filepath.Join(t.TempDir(), "out.png")
			args := []string{"exec", "--panel", picturePanel, "--file", file}
			if !c.stdout {
				args = append(args, "--display", out)
			}
			command := strings.Fields(c.args)
			args = append(args, command[0])
			if !c.stdout {
				args = append(args, "-for", "20ms")
			}
			o := vdev(t, "", append(args, command[1:]...)...)
			if o.status != 0 {
				t.Fatalf("status %d\n%s", o.status, o.stderr)
			}
			data := []byte(o.stdout)
			if !c.stdout {
				var err error
				if data, err = os.ReadFile(out); err != nil {
					t.Fatal(err)
				}
			}
			got, err := pixel.DecodePNG(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if c.same != nil {
				if d := c.same().Diff(got); d != "" {
					t.Error(d)
				}
			}
			golden := filepath.Join("testdata", "pictures", c.name+".png")
			if update() {
				if err := os.WriteFile(golden, data, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			f, err := os.Open(golden)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			want, err := pixel.DecodePNG(f)
			if err != nil {
				t.Fatal(err)
			}
			if d := want.Diff(got); d != "" {
				t.Error(d)
			}
		})
	}
}
