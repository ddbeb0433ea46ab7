// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	names := map[string]bool{}
	numbers := map[Family]map[Request]string{}
	for _, d := range Table() {
		if names[d.Name] {
			t.Errorf("%s is there twice", d.Name)
		}
		names[d.Name] = true
		if numbers[d.Family] == nil {
			numbers[d.Family] = map[Request]string{}
		}
		if other := numbers[d.Family][d.Request]; other != "" {
			t.Errorf("%s and %s of %v have the number %v", d.Name, other, d.Family, d.Request)
		}
		numbers[d.Family][d.Request] = d.Name
		switch d.Form {
		case FormNone:
			if d.Request.Size() != 0 {
				t.Errorf("%s has no argument, but one of %d bytes", d.Name, d.Request.Size())
			}
		case FormStruct:
			if int(d.Arg.Size()) != d.Request.Size() {
				t.Errorf("%s: says %d bytes, %v has %d", d.Name, d.Request.Size(), d.Arg, d.Arg.Size())
			}
		}
		if f, ok := Lookup(d.Request, d.Family); !ok || f.Name != d.Name {
			t.Errorf("%s is found as %v", d.Name, f)
		}
		if strings.HasPrefix(d.Family.String(), "Family") {
			t.Errorf("%v has no name", d.Family)
		}
	}
	if len(names) < 80 || len(numbers) < 9 {
		t.Errorf("%d ioctls of %d families: some are missing", len(names), len(numbers))
	}
}

// TestStructuresArePadded makes sure that encoding/binary sees the same layout as the
// compiler, and that every declaration can be read.
func TestStructuresArePadded(t *testing.T) {
	fresh := &tables{layouts: map[reflect.Type]*layout{}}
	for _, typ := range structTable() {
		if got := binary.Size(reflect.Zero(typ).Interface()); got != int(typ.Size()) {
			t.Errorf("%v: %d bytes of padding are not explicit", typ, int(typ.Size())-got)
		}
		if l := fresh.layoutOf(typ); l.size != int(typ.Size()) {
			t.Errorf("%v: its layout has %d bytes", typ, l.size)
		}
	}
}

func TestLookup(t *testing.T) {
	const size = 1 << iocSizeShift
	for _, c := range []struct {
		req    Request
		family Family
		want   string
	}{
		// The drivers of DRM share numbers.
		{DRM_IOCTL_EXYNOS_GEM_MAP, FamilyUnknown, "DRM_IOCTL_EXYNOS_GEM_MAP"},
		{DRM_IOCTL_EXYNOS_GEM_MAP, FamilyDRM, "DRM_IOCTL_EXYNOS_GEM_MAP"},
		{DRM_IOCTL_EXYNOS_GEM_MAP, FamilyVGEM, "DRM_IOCTL_VGEM_FENCE_ATTACH"},
		{DRM_IOCTL_VGEM_FENCE_ATTACH, FamilyExynos, "DRM_IOCTL_EXYNOS_GEM_MAP"},
		{DRM_IOCTL_EXYNOS_G2D_EXEC, FamilyVGEM, ""},
		// All have those of the core, and no others.
		{DRM_IOCTL_GEM_CLOSE, FamilyVGEM, "DRM_IOCTL_GEM_CLOSE"},
		{DRM_IOCTL_GEM_CLOSE, FamilyExynos, "DRM_IOCTL_GEM_CLOSE"},
		{DRM_IOCTL_GEM_CLOSE, FamilyDMAHeap, ""},
		{SYNC_IOC_MERGE, FamilySyncFile, "SYNC_IOC_MERGE"},
		{SYNC_IOC_MERGE, FamilyDRM, ""},
		// DRM and dma-heap take other sizes and directions, the others do not.
		{DRM_IOCTL_GEM_CLOSE + size, FamilyUnknown, "DRM_IOCTL_GEM_CLOSE"},
		{DRM_IOCTL_GEM_CLOSE &^ iocWrite, FamilyUnknown, "DRM_IOCTL_GEM_CLOSE"},
		{DMA_HEAP_IOCTL_ALLOC + size, FamilyUnknown, "DMA_HEAP_IOCTL_ALLOC"},
		{SYNC_IOC_MERGE + size, FamilyUnknown, ""},
		{UDMABUF_CREATE | iocRead, FamilyUdmabuf, ""},
		{DMA_BUF_SET_NAME_A, FamilyUnknown, "DMA_BUF_SET_NAME_A"},
		{DMA_BUF_SET_NAME_B, FamilyUnknown, "DMA_BUF_SET_NAME_B"},
		{0, FamilyUnknown, ""},
	} {
		d, ok := Lookup(c.req, c.family)
		if ok != (c.want != "") || ok && d.Name != c.want {
			t.Errorf("%v of %v is %v, want %q", c.req, c.family, d, c.want)
		}
	}
}

func TestCName(t *testing.T) {
	for name, want := range map[string]string{
		"DRMModeCreateDumb": "drm_mode_create_dumb", "DRMExynosG2DSetCmdlist": "drm_exynos_g2d_set_cmdlist",
		"DMABufSync": "dma_buf_sync", "DRMModeFbCmd2": "drm_mode_fb_cmd2", "Fd2": "fd2", "X1": "x1", "SrcX": "src_x",
		"OffsetNC": "offset_nc", "DMAAddr": "dma_addr", "AThing": "a_thing", "A": "a", "": "",
	} {
		if got := CName(name); got != want {
			t.Errorf("CName(%q) = %q, want %q", name, got, want)
		}
	}
}

// TestAnnotate gives every number with a meaning to the caller.
func TestAnnotate(t *testing.T) {
	annotate := func(kind Kind, v uint64) string {
		switch kind {
		case KindFD:
			if int64(v) < 0 {
				return ""
			}
			return "3<front>"
		case KindHandle:
			return "handle"
		case KindObject:
			return "object"
		case KindSyncobj:
			return "syncobj"
		case KindG2DRegister:
			return "register"
		}
		t.Errorf("asked for kind %d", kind)
		return ""
	}
	for _, c := range []struct {
		req Request
		arg any
		in  string
	}{
		{DMA_BUF_IOCTL_IMPORT_SYNC_FILE, DMABufImportSyncFile{Fd: 3, Flags: DMA_BUF_SYNC_RW}, "{flags=DMA_BUF_SYNC_RW, fd=3<front>}"},
		{DMA_BUF_IOCTL_IMPORT_SYNC_FILE, DMABufImportSyncFile{Fd: -1}, "{flags=0, fd=-1}"},
		{UDMABUF_CREATE, UdmabufCreate{Memfd: 1 << 31}, "{memfd=-2147483648, flags=0, offset=0, size=0}"},
		{DRM_IOCTL_GEM_CLOSE, DRMGemClose{Handle: 1}, "{handle=handle}"},
		{DRM_IOCTL_MODE_CLOSEFB, DRMModeClosefb{FbId: 1}, "{fb_id=object}"},
		{DRM_IOCTL_EXYNOS_G2D_SET_CMDLIST, DRMExynosG2DSetCmdlist{CmdBuf: 0x1000, CmdBufNr: 1}, "{cmd=NULL, cmd_buf=[{offset=register|G2D_BUF_USERPTR, data=0}], " +
			"cmd_nr=0, cmd_buf_nr=1, event_type=G2D_EVENT_NOT, user_data=0}"},
		{DRM_IOCTL_SYNCOBJ_DESTROY, DRMSyncobjDestroy{Handle: 1}, "{handle=syncobj}"},
	} {
		m := memory{}
		m.put(t, at, c.arg)
		m.put(t, 0x1000, DRMExynosG2DCmd{Offset: 0x304 | G2D_BUF_USERPTR})
		if in := Begin(c.req, FamilyUnknown, m, at).In(annotate); in != c.in {
			t.Errorf("got %s, want %s", in, c.in)
		}
	}
}

func TestRead(t *testing.T) {
	m := memory{}
	want := DRMModeFbCmd2{FbId: 1, Modifier: [4]uint64{3: 5}}
	m.put(t, at, want)
	if got, ok := Read[DRMModeFbCmd2](m, at); !ok || got != want {
		t.Errorf("read %v, %v", got, ok)
	}
	if _, ok := Read[DRMModeFbCmd2](m, at+1); ok {
		t.Error("read past the end")
	}
	if v, ok := Read[uint32](m, at); !ok || v != 1 {
		t.Errorf("read %d, %v", v, ok)
	}
}
