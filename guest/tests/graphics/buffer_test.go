// SPDX-License-Identifier: Apache-2.0

//go:build linux

package graphics

import (
	"image"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

// TestHandles has one buffer get the same handle each time, until it is closed.
func TestHandles(t *testing.T) {
	b := bench(t)
	m := get(b.image(drm.SystemHeap, "imported")).or(t)
	if again := get(b.Card.Import(m.Buf)).or(t); again.Handle != m.GEM.Handle {
		t.Errorf("imported again: handle %d, was %d", again.Handle, m.GEM.Handle)
	}
	back := get(m.GEM.Export()).or(t)
	defer back.Close()
	if again := get(b.Card.Import(back)).or(t); again.Handle != m.GEM.Handle {
		t.Errorf("exported and imported: handle %d, was %d", again.Handle, m.GEM.Handle)
	}
	other := get(drm.OpenRender(drm.Exynos)).or(t)
	defer other.Close()
	g := get(other.Import(back)).or(t)
	must(t, g.Close())
	wantErrno(t, "closing twice", g.Close(), unix.EINVAL)
	wantErrno(t, "another client's handle", (&drm.GEM{Card: other, Handle: m.GEM.Handle}).Close(), unix.EINVAL)
}

// TestMemoryOutlivesHandles has a mapping and a framebuffer keep what nobody else does.
func TestMemoryOutlivesHandles(t *testing.T) {
	b := bench(t)
	for _, kind := range []drm.Kind{drm.Dumb, drm.CMAHeap, drm.UDMABuf} {
		m := get(b.Card.NewImage(kind, width, height, pixel.XRGB8888)).or(t)
		mem := m.Mem
		must(t, m.GEM.Close())
		must(t, m.Buf.Close())
		picture := pixel.TestPicture(width, height, 0)
		picture.Store(mem, m.Stride, m.Format)
		if d := picture.Diff(pixel.Load(mem, width, height, m.Stride, m.Format)); d != "" {
			t.Errorf("%s: %s", kind, d)
		}
		must(t, unix.Munmap(mem))
	}
}

func TestBufferErrors(t *testing.T) {
	b := bench(t)
	m := get(b.image(drm.SystemHeap, "small")).or(t)
	wantErrno(t, "empty buffer", second(drm.AllocHeap(drm.HeapSystem, 0)), unix.EINVAL)
	wantErrno(t, "empty user buffer", second(drm.AllocUDMABuf(0)), unix.EINVAL)
	wantErrno(t, "no such heap", second(drm.AllocHeap("none", 1)), unix.ENOENT)
	wantErrno(t, "flags", second(b.Card.CreateExynos(4096, 8)), unix.EINVAL)
	wantErrno(t, "no size", second(b.Card.CreateExynos(0, 0)), unix.EINVAL)
	wantErrno(t, "a name too long", m.Buf.SetName("a name that is a good deal too long"), unix.EINVAL)
	wantErrno(t, "access", m.Buf.Begin(0), unix.EINVAL)
	wantErrno(t, "unknown access", m.Buf.Begin(8), unix.EINVAL)
	wantErrno(t, "framebuffer beyond the buffer", second(m.GEM.AddFB(width, height+1000, m.Stride, m.Format)), unix.EINVAL)
	wantErrno(t, "framebuffer with short rows", second(m.GEM.AddFB(width, height, 4*width-1, m.Format)), unix.EINVAL)
	wantErrno(t, "format", second(m.GEM.AddFB(width, height, m.Stride, pixel.Format(0x30313233))), unix.EINVAL)
	if _, err := b.Card.ImportImage(get(drm.AllocHeap(drm.HeapSystem, 4096)).or(t), m.Layout); err == nil {
		t.Error("an image beyond its buffer")
	}
	render := get(drm.OpenRender(drm.Exynos)).or(t)
	defer render.Close()
	wantErrno(t, "dumb buffer of a render node", second(render.NewImage(drm.Dumb, 1, 1, m.Format)), unix.EACCES)
}

// TestListErrors has the kernel refuse command lists. What is refused leaves nothing.
func TestListErrors(t *testing.T) {
	b := bench(t)
	m := get(b.image(drm.Dumb, "target")).or(t)
	s := m.Surface()
	wantErrno(t, "nothing to run", b.Card.Exec(false), unix.EPERM)
	fill := drm.Fill(s, m.Bounds(), paint)
	for name, op := range map[string]drm.Operation{
		"a start of its own":     fill.Set(0x100, 1),
		"a register beyond":      fill.Set(0x884, 0),
		"between registers":      fill.Set(0x106, 0),
		"an address as a number": fill.Set(0x404, 0x80000000),
	} {
		wantErrno(t, name, b.Card.Submit(op), unix.EINVAL)
	}
	long := fill
	for range 200 {
		long = long.Set(0x70c, 0)
	}
	wantErrno(t, "a long list", b.Card.Submit(long), unix.EINVAL)
	wantErrno(t, "beyond the buffer", b.Card.Submit(drm.Fill(s, image.Rect(0, 0, width, 8*height), 0)), unix.EFAULT)
	wantErrno(t, "nothing", b.Card.Submit(drm.Fill(s, image.Rect(3, 0, 3, 3), 0)), unix.EFAULT)
	g := *m.GEM
	g.Handle = 999
	wantErrno(t, "no such handle", b.Card.Submit(drm.Fill((&drm.Image{Layout: m.Layout, GEM: &g}).Surface(), m.Bounds(), 0)), unix.EFAULT)
	wantErrno(t, "still nothing to run", b.Card.Exec(false), unix.EPERM)
	must(t, b.Card.Run(fill))
	if d := plain(paint).Diff(get(m.Read()).or(t)); d != "" {
		t.Error(d)
	}
}

// TestListsRunInOrder has several lists paint over each other, of two clients.
func TestListsRunInOrder(t *testing.T) {
	b := bench(t)
	other := get(drm.OpenRender(drm.Exynos)).or(t)
	defer other.Close()
	m := get(b.image(drm.CMAHeap, "target")).or(t)
	theirs := drm.Image{Layout: m.Layout, GEM: get(other.Import(m.Buf)).or(t)}
	want := pixel.New(width, height)
	var ops []drm.Operation
	for i := range 16 {
		r, c := image.Rect(2*i, i, width-i, height-i/2), 0xff000000|uint32(i*0x0f0703)
		ops = append(ops, drm.Fill(m.Surface(), r, c))
		want.Fill(r, c)
	}
	last := image.Rect(20, 10, 40, 20)
	want.Fill(last, paint)
	must(t, b.Card.Submit(ops[:15]...))
	must(t, b.Card.Submit(ops[15].WithEvent(7)))
	must(t, b.Card.Exec(true))
	must(t, other.Run(drm.Fill(theirs.Surface(), last, paint))) // queued behind
	events := get(b.Card.Events(0)).or(t)
	if len(events) != 1 || !events[0].Drawn() || events[0].UserData != 7 {
		t.Errorf("events %+v", events)
	}
	if d := want.Diff(get(m.Read()).or(t)); d != "" {
		t.Error(d)
	}
}

// TestPlanes lists what the display can do.
func TestPlanes(t *testing.T) {
	b := bench(t)
	d := get(b.display()).or(t)
	types := map[drm.PlaneType]int{}
	for _, p := range d.Planes {
		types[p.Type]++
		for _, f := range pixel.Formats() {
			if !p.Supports(f) {
				t.Errorf("plane %d does not show %v", p.ID, f)
			}
		}
	}
	if types[drm.Primary] != 1 || types[drm.Overlay] != 3 || types[drm.Cursor] != 1 || d.Planes[0].Type != drm.Primary {
		t.Errorf("planes %+v", d.Planes)
	}
	if d.Mode.Hdisplay == 0 || d.Mode.Vdisplay == 0 || d.Mode.Vrefresh == 0 {
		t.Errorf("mode %+v", d.Mode)
	}
}

func TestCommitErrors(t *testing.T) {
	b := bench(t)
	d := get(b.display()).or(t)
	s := get(b.shown(drm.Dumb, "shown")).or(t)
	p := &d.Planes[0]
	const test = ioctl.DRM_MODE_ATOMIC_TEST_ONLY | ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET
	show := func(src image.Rectangle) *drm.Commit { return d.NewCommit().Enable().Show(p, s.fb, src, image.Point{}) }
	must(t, show(s.Bounds()).Do(test, 0))
	wantErrno(t, "a mode set without leave", show(s.Bounds()).Do(ioctl.DRM_MODE_ATOMIC_TEST_ONLY, 0), unix.EINVAL)
	wantErrno(t, "beyond the framebuffer", show(image.Rect(1, 0, width+1, height)).Do(test, 0), unix.ENOSPC)
	wantErrno(t, "scaling", show(s.Bounds()).Set(p.ID, "CRTC_W", 2*width+1).Do(test, 0), unix.Errno(524)) // ENOTSUPP, which is the kernel's own
	wantErrno(t, "a fence that is none", show(s.Bounds()).Set(p.ID, "IN_FENCE_FD", uint64(s.Buf.FD())).Do(test, 0), unix.EINVAL)
	wantErrno(t, "an event of a display that is off", d.NewCommit().Hide(p).Do(flip, 0), unix.EINVAL)
	if err := d.NewCommit().Set(p.ID, "no such property", 0).Do(test, 0); err == nil {
		t.Error("an unknown property")
	}
	other := get(drm.Open(drm.Exynos)).or(t)
	defer other.Close()
	must(t, other.SetCap(ioctl.DRM_CLIENT_CAP_ATOMIC, 1))
	wantErrno(t, "while another one has the display", ioctl.Do(other.FD(), ioctl.DRM_IOCTL_MODE_ATOMIC, &ioctl.DRMModeAtomic{}), unix.EACCES)
}

// TestPlanesMove moves an overlay about, and off the display on all sides.
func TestPlanesMove(t *testing.T) {
	b := bench(t)
	d, two, err := b.twoShown(drm.SystemHeap)
	must(t, err)
	must(t, two[1].Draw(pixel.TestPicture(width, height, 0)))
	w, h := int(d.Mode.Hdisplay), int(d.Mode.Vdisplay)
	places := []image.Point{{0, 0}, {w - width, h - height}, {-10, -5}, {w - 7, h - 3}, {-width + 1, h / 2}}
	for i, at := range places {
		for _, p := range d.Planes[1:] {
			c := d.NewCommit().Show(&p, two[1].fb, two[1].Bounds(), at).Set(p.ID, "alpha", uint64(0xffff/(i+1)))
			must(t, c.Do(flip, uint64(i)))
			get(b.flipped(uint64(i))).or(t)
		}
	}
	off := d.NewCommit().Disable()
	must(t, off.Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET, 0))
	if events := get(b.Card.Events(time.Millisecond)).or(t); len(events) != 0 {
		t.Errorf("events %+v of a display that is off", events)
	}
}

// TestKindsHaveNames has the kernel tell the names, and where memory is from.
func TestKindsHaveNames(t *testing.T) {
	for _, k := range drm.Kinds() {
		if got, err := drm.ParseKind(string(k)); got != k || err != nil {
			t.Errorf("%s: %v, %v", k, got, err)
		}
	}
	if _, err := drm.ParseKind("none"); err == nil {
		t.Error("an unknown kind")
	}
	if slices.ContainsFunc([]drm.Kind{drm.Dumb, drm.ExynosGEM}, drm.Kind.Cached) || !drm.SystemHeap.Cached() {
		t.Error("cached and uncached kinds are mixed up")
	}
}
