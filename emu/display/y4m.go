// SPDX-License-Identifier: Apache-2.0

package display

import (
	"fmt"
	"image"
	"io"
	"time"
)

// Y4M writes pictures as a YUV4MPEG2 stream (yuv4mpeg(5) of mjpegtools), which players
// and encoders take from a file or a pipe. The format of the pixels is 4:4:4 with full
// range, converted as yuv.go says.
//
// There is a frame for each picture given, not one for each period of the refresh
// rate in the stream's header. The time of each is in its own header, as the parameter
// XVDEV_TIME_NS: virtual time in nanoseconds. Programs that do not know the parameter
// skip it.
//
// A stream cannot change its size: that of the first picture counts. A later picture
// of another size is put into the top left corner, black around it or cut off, and its
// own size is in the frame's header, as XVDEV_SIZE.
type Y4M struct {
	w             io.Writer
	width, height int
	buf           []byte // of one frame, with the stream's header before the first
}

// NewY4M begins a stream of pictures of a size in pixels, shown at a refresh rate of
// num/den Hz; 0/0 stands for a rate that is not known. Nothing is written before the
// first Frame.
func NewY4M(w io.Writer, width, height, num, den int) *Y4M {
	if num <= 0 || den <= 0 {
		num, den = 0, 0
	}
	y := &Y4M{w: w, width: width, height: height}
	y.buf = fmt.Appendf(nil, "YUV4MPEG2 W%d H%d F%d:%d Ip A1:1 C444 XCOLORRANGE=FULL XVDEV_MATRIX=BT601\n", width, height, num, den)
	return y
}

// Frame writes a picture that was shown at a virtual time, with a single Write. It
// fails as the writer does; then the stream has ended, in the middle of a frame.
func (y *Y4M) Frame(img *image.RGBA, at time.Duration) error {
	y.buf = fmt.Appendf(y.buf, "FRAME XVDEV_TIME_NS=%d", at.Nanoseconds())
	if size := img.Rect.Size(); size.X != y.width || size.Y != y.height {
		y.buf = fmt.Appendf(y.buf, " XVDEV_SIZE=%dx%d", size.X, size.Y)
	}
	y.buf = append(y.buf, '\n')
	y.planes(img)
	n, err := y.w.Write(y.buf)
	if err == nil && n < len(y.buf) {
		err = io.ErrShortWrite
	}
	y.buf = y.buf[:0]
	return err
}

// planes appends the frame's three planes.
func (y *Y4M) planes(img *image.RGBA) {
	size := y.width * y.height
	start := len(y.buf)
	if cap(y.buf) < start+3*size {
		y.buf = append(make([]byte, 0, start+3*size), y.buf...)
	}
	y.buf = y.buf[:start+3*size]
	luma := y.buf[start:][:size]
	cb := y.buf[start+size:][:size]
	cr := y.buf[start+2*size:][:size]
	width, height := min(y.width, img.Rect.Dx()), min(y.height, img.Rect.Dy())
	for row := range y.height {
		at, n := row*y.width, 0
		if row < height {
			n = width
			toYCbCr(luma[at:at+n], cb[at:at+n], cr[at:at+n], img.Pix[row*img.Stride:])
		}
		end := at + y.width
		fill(luma[at+n:end], 0)
		fill(cb[at+n:end], neutral)
		fill(cr[at+n:end], neutral)
	}
}

func fill(p []byte, v byte) {
	for i := range p {
		p[i] = v
	}
}
