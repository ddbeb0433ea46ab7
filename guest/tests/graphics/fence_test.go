// SPDX-License-Identifier: Apache-2.0

//go:build linux

package graphics

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/ioctl"
)

// newTimeline returns a timeline that goes with the test.
func newTimeline(t *testing.T) *drm.Timeline {
	t.Helper()
	line := get(drm.NewTimeline()).or(t)
	t.Cleanup(func() { line.Close() })
	return line
}

// fence returns a fence of a timeline that goes with the test.
func fence(t *testing.T, line *drm.Timeline, value uint32, name string) *drm.SyncFile {
	t.Helper()
	return goes(t, get(line.Fence(value, name)).or(t))
}

func goes(t *testing.T, s *drm.SyncFile) *drm.SyncFile {
	t.Cleanup(func() { s.Close() })
	return s
}

// wantSignalled compares fences with what they should be.
func wantSignalled(t *testing.T, want bool, fences ...*drm.SyncFile) {
	t.Helper()
	for i, f := range fences {
		if got := get(f.Wait(0)).or(t); got != want {
			t.Errorf("fence %d has signalled: %v", i, got)
		}
	}
}

func TestTimeline(t *testing.T) {
	bench(t)
	line := newTimeline(t)
	first, second, third := fence(t, line, 1, "first"), fence(t, line, 2, "second"), fence(t, line, 3, "third")
	wantSignalled(t, false, first, second, third)
	must(t, line.Advance(2))
	wantSignalled(t, true, first, second)
	wantSignalled(t, false, third)

	before := time.Now()
	if ok := get(third.Wait(20 * time.Millisecond)).or(t); ok || time.Since(before) < 20*time.Millisecond {
		t.Errorf("waited %v, signalled: %v", time.Since(before), ok)
	}
	go func() {
		time.Sleep(10 * time.Millisecond)
		if err := line.Advance(1); err != nil {
			t.Error(err)
		}
	}()
	if !get(third.Wait(-1)).or(t) {
		t.Error("waiting ends without the fence")
	}
	wantSignalled(t, true, fence(t, line, 3, "late"))
}

func TestMergedFences(t *testing.T) {
	bench(t)
	one, two := newTimeline(t), newTimeline(t)
	a, b := fence(t, one, 1, "a"), fence(t, two, 1, "b")
	both := goes(t, get(a.Merge(b, "both")).or(t))
	same := goes(t, get(a.Merge(fence(t, one, 2, "later"), "later")).or(t))
	must(t, one.Advance(1))
	wantSignalled(t, true, a)
	wantSignalled(t, false, b, both, same)
	info := get(both.Info()).or(t)
	statuses := map[int]int{}
	for _, f := range info {
		statuses[f.Status]++
	}
	if len(info) != 2 || statuses[0] != 1 || statuses[1] != 1 {
		t.Errorf("merged fence: %+v", info)
	}
	if info := get(same.Info()).or(t); len(info) != 1 {
		t.Errorf("two fences of a timeline are one, the later: %+v", info)
	}
	must(t, two.Advance(1))
	wantSignalled(t, true, both)
}

// TestTimelineEnds has a timeline go away before its fence could signal.
func TestTimelineEnds(t *testing.T) {
	bench(t)
	line := get(drm.NewTimeline()).or(t)
	f := fence(t, line, 1, "orphan")
	must(t, line.Close())
	wantSignalled(t, true, f)
	if info := get(f.Info()).or(t); len(info) != 1 || info[0].Status != -int(unix.ENOENT) {
		t.Errorf("the fence of no timeline: %+v", info)
	}
}

// TestFencesInBuffers has readers wait for writers, and writers for all.
func TestFencesInBuffers(t *testing.T) {
	b := bench(t)
	for _, kind := range []drm.Kind{drm.Dumb, drm.SystemHeap, drm.CMAHeap, drm.UDMABuf} {
		m := get(b.image(kind, string(kind))).or(t)
		fences := func() []*drm.SyncFile {
			return []*drm.SyncFile{goes(t, get(m.Buf.ExportSyncFile(drm.Read)).or(t)), goes(t, get(m.Buf.ExportSyncFile(drm.Write)).or(t))}
		}
		ready := func() []bool {
			return []bool{get(m.Buf.Wait(drm.Read, 0)).or(t), get(m.Buf.Wait(drm.Write, 0)).or(t)}
		}
		want := func(what string, read, write bool) []*drm.SyncFile {
			t.Helper()
			f := fences()
			wantSignalled(t, read, f[0])
			wantSignalled(t, write, f[1])
			if got := ready(); !slices.Equal(got, []bool{read, write}) {
				t.Errorf("%s, %s: poll says %v", kind, what, got)
			}
			return f
		}
		line := newTimeline(t)
		want("idle", true, true)
		must(t, m.Buf.ImportSyncFile(fence(t, line, 1, "reader"), drm.Read))
		want("with a reader", true, false)
		must(t, m.Buf.ImportSyncFile(fence(t, line, 2, "writer"), drm.Write))
		old := want("with a writer", false, false)
		must(t, line.Advance(1))
		want("with a writer only", false, false)
		must(t, line.Advance(1))
		want("idle again", true, true)
		wantSignalled(t, true, old...)
	}
}

// TestSyncWaitsForFences has SYNC START wait for a fence in the buffer.
func TestSyncWaitsForFences(t *testing.T) {
	b := bench(t)
	m := get(b.image(drm.SystemHeap, "busy")).or(t)
	line := newTimeline(t)
	must(t, m.Buf.ImportSyncFile(fence(t, line, 1, "writer"), drm.Write))
	started := make(chan error)
	go func() { started <- m.Buf.Begin(drm.Read) }()
	select {
	case err := <-started:
		t.Fatalf("START does not wait for the writer: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	must(t, line.Advance(1))
	must(t, <-started)
	must(t, m.Buf.End(drm.Read))
}

func TestVGEMFences(t *testing.T) {
	b := bench(t)
	vgem := get(drm.Open(drm.VGEM)).or(t)
	defer vgem.Close()
	m := get(b.image(drm.ExynosGEM, "fenced")).or(t)
	g := get(vgem.Import(m.Buf)).or(t)
	defer g.Close()
	read := get(g.AttachFence(drm.Read)).or(t)
	if _, err := g.AttachFence(drm.Write); err == nil {
		t.Error("a writer comes while there is a reader")
	}
	must(t, vgem.SignalFence(read))
	write := get(g.AttachFence(drm.Write)).or(t)
	pending := goes(t, get(m.Buf.ExportSyncFile(drm.Read)).or(t))
	info := get(pending.Info()).or(t)
	if len(info) != 1 || info[0].Driver != drm.VGEM || info[0].Status != 0 {
		t.Errorf("the fence in the buffer: %+v", info)
	}
	wantErrno(t, "a reader while there is a writer", second(g.AttachFence(drm.Read)), unix.EBUSY)
	must(t, vgem.SignalFence(write))
	wantErrno(t, "a signal twice", vgem.SignalFence(write), unix.ENOENT)
	wantSignalled(t, true, pending)
}

func second[T any](_ T, err error) error { return err }

// TestVGEMGoes has the client go that should signal.
func TestVGEMGoes(t *testing.T) {
	b := bench(t)
	m := get(b.image(drm.ExynosGEM, "fenced")).or(t)
	vgem := get(drm.Open(drm.VGEM)).or(t)
	g := get(vgem.Import(m.Buf)).or(t)
	get(g.AttachFence(drm.Write)).or(t)
	pending := goes(t, get(m.Buf.ExportSyncFile(drm.Read)).or(t))
	wantSignalled(t, false, pending)
	must(t, vgem.Close())
	wantSignalled(t, true, pending)
}

// TestNoSyncObjs says what neither driver can.
func TestNoSyncObjs(t *testing.T) {
	b := bench(t)
	vgem := get(drm.Open(drm.VGEM)).or(t)
	defer vgem.Close()
	for _, card := range []*drm.Card{b.Card, vgem} {
		wantErrno(t, card.Driver, ioctl.Do(card.FD(), ioctl.DRM_IOCTL_SYNCOBJ_CREATE, &ioctl.DRMSyncobjCreate{}), unix.EOPNOTSUPP)
	}
}
