// SPDX-License-Identifier: Apache-2.0

package linux

import "testing"

// makeCard makes the files of makeFiles those of a DRM device: with two objects of mode
// setting and two GEM objects.
func makeCard() *guest {
	g := makeFiles()
	const drmFile, minor, dev, driver = 0x30_0000, 0x30_1000, 0x31_0000, 0x32_0000
	g.open(0, cardFile, devMnt, 0x7777, drmFile, modeChar|0o600, DRMMajor<<20|5)
	g.set(drmFile, "drm_file.minor", minor)
	g.set(minor, "drm_minor.dev", dev)
	g.set(dev, "drm_device.driver", driver)
	g.set(driver, "drm_driver.name", g.text(driver+0x100, "exynos"))

	idr := func(at, base, head uint64) {
		g.set(at, "idr.idr_base", base)
		g.types.Member("idr.idr_rt")
		g.set(g.at(at, "idr.idr_rt"), "xarray.xa_head", head)
	}
	g.types.sizes["drm_mode_object.id"], g.types.sizes["drm_mode_object.type"] = 4, 4
	const plane, property, blob, liar = 0x33_0000, 0x33_1000, 0x33_2000, 0x33_3000
	object := func(whole uint64, path string, id, kind uint64) uint64 {
		at := g.at(whole, path)
		g.set(at, "drm_mode_object.id", id)
		g.set(at, "drm_mode_object.type", kind)
		return at
	}
	g.set(plane, "drm_plane.name", g.text(plane+0x800, "plane-0"))
	g.text(g.at(property, "drm_property.name"), "FB_ID")
	idr(g.at(dev, "drm_device.mode_config.object_idr"), 1, g.node(0x34_0000, 0, map[int]uint64{
		0: object(plane, "drm_plane.base", 1, 0xeeeeeeee),
		1: object(property, "drm_property.base", 2, 0xb0b0b0b0),
		2: object(blob, "drm_property_blob.base", 3, 0xbbbbbbbb),
		3: object(liar, "drm_plane.base", 9, 0xeeeeeeee),
	}))
	const mine, theirs, plain = 0x35_0000, 0x35_1000, 0x35_2000
	for _, o := range []uint64{mine, theirs, plain} {
		g.set(o, "drm_gem_object.dma_buf", 0)
		g.set(o, "drm_gem_object.import_attach", 0)
	}
	g.set(mine, "drm_gem_object.dma_buf", bufAt)
	g.set(theirs, "drm_gem_object.import_attach", 0x36_0000)
	g.set(0x36_0000, "dma_buf_attachment.dmabuf", bufAt)
	idr(g.at(drmFile, "drm_file.object_idr"), 0, g.node(0x37_0000, 0, map[int]uint64{1: mine, 2: theirs, 3: plain}))
	return g
}

func TestDRM(t *testing.T) {
	g := makeCard()
	card, ok := g.File(taskAt, 0, 0)
	if d := g.DRMDriver(card, 0); !ok || d != "exynos" {
		t.Errorf("the driver is %q, %v", d, ok)
	}
	for id, want := range map[uint32]string{0: "", 1: "plane-0", 2: "FB_ID", 3: "", 4: "", 5: "", 1 << 31: ""} {
		if name := g.ModeObject(card, 0, id); name != want {
			t.Errorf("object %d is %q, want %q", id, name, want)
		}
	}
	for handle, want := range map[uint32]bool{0: false, 1: true, 2: true, 3: false, 4: false} {
		if buf, ok := g.GEMBuffer(card, 0, handle); ok != want || ok && buf.Name != "frame0" {
			t.Errorf("handle %d is %+v, %v", handle, buf, ok)
		}
	}
	pipe, _ := g.File(taskAt, 0, 3)
	if g.DRMDriver(pipe, 0) != "" || g.ModeObject(pipe, 0, 1) != "" {
		t.Error("a pipe is a DRM device")
	}
	if _, ok := g.GEMBuffer(pipe, 0, 1); ok {
		t.Error("a pipe has GEM objects")
	}
}
