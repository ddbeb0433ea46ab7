// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// memory is pieces of memory by their addresses.
type memory map[uint64][]byte

func (m memory) Read(addr uint64, p []byte) bool {
	for base, b := range m {
		if addr >= base && addr-base <= uint64(len(b)) && uint64(len(b))-(addr-base) >= uint64(len(p)) {
			copy(p, b[addr-base:])
			return true
		}
	}
	return len(p) == 0
}

// put writes values one after another at an address.
func (m memory) put(t *testing.T, addr uint64, values ...any) {
	t.Helper()
	var b bytes.Buffer
	for _, v := range values {
		if s, ok := v.(string); ok {
			v = []byte(s)
		}
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	m[addr] = b.Bytes()
}

func text(s string) (b [32]byte) {
	copy(b[:], s)
	return b
}

const at = 0x7fff0000 // of the argument

// TestDecode has each form of field, and each family.
func TestDecode(t *testing.T) {
	const p, q, r, s = 0x10000, 0x20000, 0x30000, 0x40000 // what the argument points to
	mode := DRMModeModeinfo{Clock: 65000, Hdisplay: 1024, HsyncStart: 1048, HsyncEnd: 1184, Htotal: 1344,
		Vdisplay: 768, VsyncStart: 771, VsyncEnd: 777, Vtotal: 806, Vrefresh: 60,
		Flags: DRM_MODE_FLAG_NHSYNC | DRM_MODE_FLAG_NVSYNC | DRM_MODE_FLAG_3D_TOP_AND_BOTTOM, Type: DRM_MODE_TYPE_PREFERRED | DRM_MODE_TYPE_DRIVER, Name: text("1024x768")}
	const modeText = `{clock=65000, hdisplay=1024, hsync_start=1048, hsync_end=1184, htotal=1344, hskew=0, ` +
		`vdisplay=768, vsync_start=771, vsync_end=777, vtotal=806, vscan=0, vrefresh=60, ` +
		`flags=DRM_MODE_FLAG_NHSYNC|DRM_MODE_FLAG_NVSYNC|DRM_MODE_FLAG_3D_TOP_AND_BOTTOM, ` +
		`type=DRM_MODE_TYPE_PREFERRED|DRM_MODE_TYPE_DRIVER, name="1024x768"}`
	for _, c := range []struct {
		name    string
		req     Request
		family  Family
		before  any
		data    map[uint64][]any // what the argument points to, before
		after   any              // nil: as before
		written map[uint64][]any // what it points to, after
		call    string           // "": the name of the test
		in, out string
	}{
		{name: "DRM_IOCTL_MODE_CREATE_DUMB", req: DRM_IOCTL_MODE_CREATE_DUMB,
			before: DRMModeCreateDumb{Height: 720, Width: 1280, Bpp: 32},
			after:  DRMModeCreateDumb{Height: 720, Width: 1280, Bpp: 32, Handle: 1, Pitch: 5120, Size: 3686400},
			in:     "{height=720, width=1280, bpp=32, flags=0}", out: "{handle=1, pitch=5120, size=3686400}"},
		{name: "DRM_IOCTL_SET_MASTER", req: DRM_IOCTL_SET_MASTER},
		{name: "DRM_IOCTL_VERSION", req: DRM_IOCTL_VERSION,
			before:  DRMVersion{NameLen: 4, Name: p, DateLen: 100, Date: q},
			data:    map[uint64][]any{p: {"\x00\x00\x00\x00"}, q: {"xxxxxxxx"}},
			after:   DRMVersion{VersionMajor: 1, VersionMinor: -1, NameLen: 6, Name: p, DateLen: 8, Date: q, DescLen: 11},
			written: map[uint64][]any{p: {"exyn"}, q: {"2018\x00\"\\8"}},
			in:      "{name_len=4, name=0x10000, date_len=100, date=0x20000, desc_len=0, desc=NULL}",
			out: `{version_major=1, version_minor=-1, version_patchlevel=0, name_len=6, name="exyn", ` +
				`date_len=8, date="2018", desc_len=11, desc=NULL}`},
		{name: "DRM_IOCTL_SET_CLIENT_NAME", req: DRM_IOCTL_SET_CLIENT_NAME,
			before: DRMSetClientName{NameLen: 5, Name: p}, data: map[uint64][]any{p: {"a\"\\\nbcd"}},
			in: `{name_len=5, name="a\"\\\x0ab"}`},
		{name: "DRM_IOCTL_PRIME_HANDLE_TO_FD", req: DRM_IOCTL_PRIME_HANDLE_TO_FD,
			before: DRMPrimeHandle{Handle: 1, Flags: DRM_CLOEXEC | DRM_RDWR | 0x10, Fd: 99},
			after:  DRMPrimeHandle{Handle: 1, Flags: DRM_CLOEXEC | DRM_RDWR | 0x10, Fd: 4},
			in:     "{handle=1, flags=DRM_RDWR|DRM_CLOEXEC|0x10}", out: "{fd=4}"},
		{name: "DRM_IOCTL_PRIME_FD_TO_HANDLE", req: DRM_IOCTL_PRIME_FD_TO_HANDLE, family: FamilyVGEM,
			before: DRMPrimeHandle{Fd: -1}, in: "{fd=-1}", out: "{handle=0}"},
		{name: "DRM_IOCTL_GET_CAP", req: DRM_IOCTL_GET_CAP,
			before: DRMGetCap{Capability: DRM_CAP_PRIME}, after: DRMGetCap{Capability: DRM_CAP_PRIME, Value: 3},
			in: "{capability=DRM_CAP_PRIME}", out: "{value=3}"},
		{name: "DRM_IOCTL_SET_CLIENT_CAP", req: DRM_IOCTL_SET_CLIENT_CAP,
			before: DRMSetClientCap{Capability: 0x63, Value: 1}, in: "{capability=0x63, value=1}"},
		{name: "DRM_IOCTL_GET_MAGIC", req: DRM_IOCTL_GET_MAGIC, before: DRMAuth{Magic: 7}, in: "0x7fff0000", out: "{magic=7}"},
		{name: "DRM_IOCTL_AUTH_MAGIC", req: DRM_IOCTL_AUTH_MAGIC, before: DRMAuth{Magic: 7}, in: "{magic=7}"},
		{name: "DRM_IOCTL_WAIT_VBLANK", req: DRM_IOCTL_WAIT_VBLANK,
			before: DRMWaitVblank{Type: DRM_VBLANK_RELATIVE | DRM_VBLANK_EVENT | 1<<DRM_VBLANK_HIGH_CRTC_SHIFT, Sequence: 1, Signal: 5},
			after:  DRMWaitVblank{Type: DRM_VBLANK_ABSOLUTE, Sequence: 100, Signal: 1, TvalUsec: 166667},
			in:     "{type=DRM_VBLANK_RELATIVE|DRM_VBLANK_EVENT|0x2, sequence=1, signal=5}",
			out:    "{type=DRM_VBLANK_ABSOLUTE, sequence=100, tval_sec=1, tval_usec=166667}"},
		{name: "DRM_IOCTL_MODE_RMFB", req: DRM_IOCTL_MODE_RMFB, before: uint32(35), in: "[35]"},
		{name: "as many as have room", req: DRM_IOCTL_MODE_GETRESOURCES, call: "DRM_IOCTL_MODE_GETRESOURCES",
			before:  DRMModeCardRes{CrtcIdPtr: p, ConnectorIdPtr: q, CountCrtcs: 2, CountConnectors: 1},
			data:    map[uint64][]any{p: {uint64(0)}, q: {uint32(0)}},
			after:   DRMModeCardRes{CrtcIdPtr: p, ConnectorIdPtr: q, CountFbs: 1, CountCrtcs: 1, CountConnectors: 2, CountEncoders: 1, MaxWidth: 4096, MaxHeight: 4096},
			written: map[uint64][]any{p: {uint32(41), uint32(0)}, q: {uint32(50), uint32(51)}},
			in: "{fb_id_ptr=NULL, crtc_id_ptr=0x10000, connector_id_ptr=0x20000, encoder_id_ptr=NULL, " +
				"count_fbs=0, count_crtcs=2, count_connectors=1, count_encoders=0}",
			out: "{fb_id_ptr=NULL, crtc_id_ptr=[41], connector_id_ptr=[50], encoder_id_ptr=NULL, " +
				"count_fbs=1, count_crtcs=1, count_connectors=2, count_encoders=1, min_width=0, max_width=4096, min_height=0, max_height=4096}"},
		{name: "DRM_IOCTL_MODE_SETCRTC", req: DRM_IOCTL_MODE_SETCRTC,
			before: DRMModeCrtc{SetConnectorsPtr: p, CountConnectors: 1, CrtcId: 41, FbId: 35, ModeValid: 1, Mode: mode},
			data:   map[uint64][]any{p: {uint32(50)}},
			in: "{set_connectors_ptr=[50], count_connectors=1, crtc_id=41, fb_id=35, x=0, y=0, mode_valid=1, mode=" +
				modeText + "}"},
		{name: "DRM_IOCTL_MODE_GETCRTC", req: DRM_IOCTL_MODE_GETCRTC, before: DRMModeCrtc{CrtcId: 41, Mode: mode},
			in: "{crtc_id=41}", out: "{fb_id=0, x=0, y=0, gamma_size=0, mode_valid=0}"},
		{name: "DRM_IOCTL_MODE_GETCONNECTOR", req: DRM_IOCTL_MODE_GETCONNECTOR,
			before:  DRMModeGetConnector{ModesPtr: p, CountModes: 1, ConnectorId: 50},
			after:   DRMModeGetConnector{ModesPtr: p, CountModes: 1, ConnectorId: 50, ConnectorType: DRM_MODE_CONNECTOR_LVDS, ConnectorTypeId: 1, Connection: 1},
			written: map[uint64][]any{p: {mode}},
			in: "{encoders_ptr=NULL, modes_ptr=0x10000, props_ptr=NULL, prop_values_ptr=NULL, " +
				"count_modes=1, count_props=0, count_encoders=0, connector_id=50}",
			out: "{encoders_ptr=NULL, modes_ptr=[" + modeText + "], props_ptr=NULL, prop_values_ptr=NULL, " +
				"count_modes=1, count_props=0, count_encoders=0, encoder_id=0, connector_type=DRM_MODE_CONNECTOR_LVDS, " +
				"connector_type_id=1, connection=1, mm_width=0, mm_height=0, subpixel=0}"},
		{name: "DRM_IOCTL_MODE_ADDFB2", req: DRM_IOCTL_MODE_ADDFB2,
			before: DRMModeFbCmd2{Width: 64, Height: 32, PixelFormat: DRM_FORMAT_XRGB8888, Flags: DRM_MODE_FB_MODIFIERS,
				Handles: [4]uint32{1}, Pitches: [4]uint32{256}, Modifier: [4]uint64{0, 0, DRM_FORMAT_MOD_INVALID, 5}},
			after: DRMModeFbCmd2{FbId: 35},
			in: `{width=64, height=32, pixel_format="XR24", flags=DRM_MODE_FB_MODIFIERS, handles=[1, 0, 0, 0], pitches=[256, 0, 0, 0], ` +
				`offsets=[0, 0, 0, 0], modifier=[DRM_FORMAT_MOD_LINEAR, DRM_FORMAT_MOD_LINEAR, DRM_FORMAT_MOD_INVALID, 0x5]}`,
			out: "{fb_id=35}"},
		{name: "DRM_IOCTL_MODE_GETPLANE", req: DRM_IOCTL_MODE_GETPLANE,
			before:  DRMModeGetPlane{PlaneId: 31, CountFormatTypes: 3, FormatTypePtr: p},
			after:   DRMModeGetPlane{PlaneId: 31, PossibleCrtcs: 1, CountFormatTypes: 3, FormatTypePtr: p},
			written: map[uint64][]any{p: {uint32(DRM_FORMAT_C8), uint32(DRM_FORMAT_NV12 | DRM_FORMAT_BIG_ENDIAN), uint32(7)}},
			in:      "{plane_id=31, count_format_types=3, format_type_ptr=0x10000}",
			out: `{crtc_id=0, fb_id=0, possible_crtcs=0x1, gamma_size=0, count_format_types=3, ` +
				`format_type_ptr=["C8  ", "NV12"|DRM_FORMAT_BIG_ENDIAN, 0x7]}`},
		{name: "not written without room for all", req: DRM_IOCTL_MODE_GETPLANE, call: "DRM_IOCTL_MODE_GETPLANE",
			before:  DRMModeGetPlane{PlaneId: 31, CountFormatTypes: 1, FormatTypePtr: p},
			after:   DRMModeGetPlane{PlaneId: 31, CountFormatTypes: 2, FormatTypePtr: p},
			written: map[uint64][]any{p: {make([]uint32, 2)}},
			in:      "{plane_id=31, count_format_types=1, format_type_ptr=0x10000}",
			out:     `{crtc_id=0, fb_id=0, possible_crtcs=0, gamma_size=0, count_format_types=2, format_type_ptr=0x10000}`},
		{name: "not written with another room", req: DRM_IOCTL_MODE_GETPROPBLOB, call: "DRM_IOCTL_MODE_GETPROPBLOB",
			before: DRMModeGetBlob{BlobId: 60, Length: 3, Data: p}, after: DRMModeGetBlob{BlobId: 60, Length: 2, Data: p},
			data: map[uint64][]any{p: {"xxx"}},
			in:   "{blob_id=60, length=3, data=0x10000}", out: "{length=2, data=0x10000}"},
		{name: "DRM_IOCTL_MODE_GETPROPBLOB", req: DRM_IOCTL_MODE_GETPROPBLOB,
			before: DRMModeGetBlob{BlobId: 60, Length: 3, Data: p}, written: map[uint64][]any{p: {"xx\x00"}},
			in: "{blob_id=60, length=3, data=0x10000}", out: `{length=3, data="xx\x00"}`},
		{name: "DRM_IOCTL_GET_UNIQUE", req: DRM_IOCTL_GET_UNIQUE,
			before: DRMUnique{UniqueLen: 2, Unique: p}, after: DRMUnique{UniqueLen: 3, Unique: p}, data: map[uint64][]any{p: {"xxx"}},
			in: "{unique_len=2, unique=0x10000}", out: "{unique_len=3, unique=0x10000}"},
		{name: "DRM_IOCTL_MODE_SETPLANE", req: DRM_IOCTL_MODE_SETPLANE,
			before: DRMModeSetPlane{PlaneId: 31, CrtcId: 41, FbId: 35, CrtcX: -16, CrtcW: 64, CrtcH: 32, SrcX: 1 << 15, SrcW: 64 << 16, SrcH: 32 << 16},
			in: "{plane_id=31, crtc_id=41, fb_id=35, flags=0, crtc_x=-16, crtc_y=0, crtc_w=64, crtc_h=32, " +
				"src_x=0.5, src_y=0, src_h=32, src_w=64}"},
		{name: "DRM_IOCTL_MODE_ATOMIC", req: DRM_IOCTL_MODE_ATOMIC,
			before: DRMModeAtomic{Flags: DRM_MODE_ATOMIC_NONBLOCK | DRM_MODE_PAGE_FLIP_EVENT, CountObjs: 2,
				ObjsPtr: p, CountPropsPtr: q, PropsPtr: r, PropValuesPtr: s, UserData: 0xabc},
			data: map[uint64][]any{p: {uint32(31), uint32(41)}, q: {uint32(2), uint32(1)},
				r: {uint32(17), uint32(20), uint32(22)}, s: {uint64(35), int64(-16), uint64(1)}},
			in: "{flags=DRM_MODE_ATOMIC_NONBLOCK|DRM_MODE_PAGE_FLIP_EVENT, count_objs=2, objs_ptr=[31, 41], count_props_ptr=[2, 1], " +
				"props_ptr=[17, 20, 22], prop_values_ptr=[35, -16, 1], user_data=0xabc}"},
		{name: "DRM_IOCTL_MODE_CREATEPROPBLOB", req: DRM_IOCTL_MODE_CREATEPROPBLOB,
			before: DRMModeCreateBlob{Data: p, Length: 100}, data: map[uint64][]any{p: {make([]byte, 100)}},
			after: DRMModeCreateBlob{Data: p, Length: 100, BlobId: 60},
			in:    `{data="` + strings.Repeat(`\x00`, 64) + `"..., length=100}`, out: "{blob_id=60}"},
		{name: "DRM_IOCTL_MODE_GETPROPERTY", req: DRM_IOCTL_MODE_GETPROPERTY,
			before:  DRMModeGetProperty{PropId: 8, EnumBlobPtr: p, CountEnumBlobs: 9},
			after:   DRMModeGetProperty{PropId: 8, Flags: DRM_MODE_PROP_ENUM | DRM_MODE_PROP_IMMUTABLE, Name: text("type"), EnumBlobPtr: p, CountEnumBlobs: 9},
			written: map[uint64][]any{p: {[9]DRMModePropertyEnum{1: {Value: 1, Name: text("Primary")}}}},
			in:      "{values_ptr=NULL, enum_blob_ptr=0x10000, prop_id=8, count_values=0, count_enum_blobs=9}",
			out: `{values_ptr=NULL, enum_blob_ptr=[{value=0, name=""}, {value=1, name="Primary"}` + strings.Repeat(`, {value=0, name=""}`, 6) + `, ...], ` +
				`flags=DRM_MODE_PROP_IMMUTABLE|DRM_MODE_PROP_ENUM, name="type", count_values=0, count_enum_blobs=9}`},
		{name: "DRM_IOCTL_MODE_OBJ_GETPROPERTIES", req: DRM_IOCTL_MODE_OBJ_GETPROPERTIES,
			before:  DRMModeObjGetProperties{ObjId: 31, ObjType: DRM_MODE_OBJECT_PLANE, CountProps: 40, PropsPtr: p, PropValuesPtr: q},
			written: map[uint64][]any{p: {make([]uint32, 40)}},
			in:      "{props_ptr=0x10000, prop_values_ptr=0x20000, count_props=40, obj_id=31, obj_type=DRM_MODE_OBJECT_PLANE}",
			out:     "{props_ptr=[" + strings.Repeat("0, ", 32) + "...], prop_values_ptr=0x20000, count_props=40}"},
		{name: "DRM_IOCTL_MODE_DIRTYFB", req: DRM_IOCTL_MODE_DIRTYFB,
			before: DRMModeFbDirtyCmd{FbId: 35, NumClips: 1, ClipsPtr: p}, data: map[uint64][]any{p: {DRMClipRect{X2: 8, Y2: 9}}},
			in: "{fb_id=35, flags=0, color=0, num_clips=1, clips_ptr=[{x1=0, y1=0, x2=8, y2=9}]}"},
		{name: "DRM_IOCTL_MODE_SETGAMMA", req: DRM_IOCTL_MODE_SETGAMMA,
			before: DRMModeCrtcLut{CrtcId: 41, GammaSize: 2, Red: p, Green: p, Blue: 0xdead}, data: map[uint64][]any{p: {uint16(0), uint16(65535)}},
			in: "{crtc_id=41, gamma_size=2, red=[0, 65535], green=[0, 65535], blue=0xdead}"},
		{name: "DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE", req: DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE,
			before: DRMSyncobjHandle{Handle: 3, Fd: 5, Flags: DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE, Pad: 1},
			in:     "{handle=3, flags=DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE, fd=5, pad=1, point=0}", out: "{handle=3}"},
		{name: "an older, shorter structure", req: DRM_IOCTL_SYNCOBJ_WAIT&^(0x3fff<<iocSizeShift) | 32<<iocSizeShift,
			before: DRMSyncobjWait{Handles: p, TimeoutNsec: -1, CountHandles: 2, Flags: DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL, FirstSignaled: 1, DeadlineNsec: 9},
			data:   map[uint64][]any{p: {uint32(1), uint32(2)}},
			call:   "DRM_IOCTL_SYNCOBJ_WAIT /* 32 of 40 bytes */",
			in:     "{handles=[1, 2], timeout_nsec=-1, count_handles=2, flags=DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL}", out: "{first_signaled=1}"},
		{name: "DRM_IOCTL_EXYNOS_GEM_CREATE", req: DRM_IOCTL_EXYNOS_GEM_CREATE,
			before: DRMExynosGemCreate{Size: 4096, Flags: EXYNOS_BO_NONCONTIG | EXYNOS_BO_WC}, after: DRMExynosGemCreate{Size: 4096, Handle: 1},
			in: "{size=4096, flags=EXYNOS_BO_NONCONTIG|EXYNOS_BO_NONCACHABLE|EXYNOS_BO_WC}", out: "{handle=1}"},
		{name: "DRM_IOCTL_EXYNOS_GEM_MAP", req: DRM_IOCTL_EXYNOS_GEM_MAP,
			before: DRMExynosGemMap{Handle: 1, Offset: 1 << 32}, in: "{handle=1}", out: "{offset=0x100000000}"},
		{name: "DRM_IOCTL_VGEM_FENCE_ATTACH", req: DRM_IOCTL_VGEM_FENCE_ATTACH, family: FamilyVGEM,
			before: DRMVgemFenceAttach{Handle: 1, Flags: VGEM_FENCE_WRITE, OutFence: 2}, in: "{handle=1, flags=VGEM_FENCE_WRITE}", out: "{out_fence=2}"},
		{name: "DRM_IOCTL_EXYNOS_G2D_SET_CMDLIST", req: DRM_IOCTL_EXYNOS_G2D_SET_CMDLIST, family: FamilyExynos,
			before: DRMExynosG2DSetCmdlist{Cmd: p, CmdBuf: q, CmdNr: 2, CmdBufNr: 1, EventType: G2D_EVENT_NONSTOP, UserData: 1},
			data:   map[uint64][]any{p: {DRMExynosG2DCmd{Offset: 0x204, Data: 1}, DRMExynosG2DCmd{}}, q: {DRMExynosG2DCmd{Offset: 0x304 | G2D_BUF_USERPTR, Data: 5}}},
			in: "{cmd=[{offset=0x204, data=0x1}, {offset=0, data=0}], cmd_buf=[{offset=0x304|G2D_BUF_USERPTR, data=0x5}], cmd_nr=2, cmd_buf_nr=1, " +
				"event_type=G2D_EVENT_NONSTOP, user_data=0x1}"},
		{name: "DMA_BUF_IOCTL_SYNC", req: DMA_BUF_IOCTL_SYNC, before: DMABufSync{Flags: DMA_BUF_SYNC_RW},
			in: "{flags=DMA_BUF_SYNC_START|DMA_BUF_SYNC_RW}"},
		{name: "the end of a read, with an unknown bit", req: DMA_BUF_IOCTL_SYNC, call: "DMA_BUF_IOCTL_SYNC",
			before: DMABufSync{Flags: DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ | 8}, in: "{flags=DMA_BUF_SYNC_END|DMA_BUF_SYNC_READ|0x8}"},
		{name: "DMA_BUF_IOCTL_EXPORT_SYNC_FILE", req: DMA_BUF_IOCTL_EXPORT_SYNC_FILE,
			before: DMABufExportSyncFile{Flags: DMA_BUF_SYNC_WRITE, Fd: 6}, in: "{flags=DMA_BUF_SYNC_WRITE}", out: "{fd=6}"},
		{name: "DMA_BUF_SET_NAME_B", req: DMA_BUF_SET_NAME, before: text("front"), in: `"front"`},
		{name: "a name without an end", req: DMA_BUF_SET_NAME, call: "DMA_BUF_SET_NAME_B",
			before: []byte(strings.Repeat("x", 100)), in: `"` + strings.Repeat("x", 64) + `"...`},
		{name: "a name in no memory", req: DMA_BUF_SET_NAME, call: "DMA_BUF_SET_NAME_B", before: []byte("xx"), in: "0x7fff0000"},
		{name: "DMA_HEAP_IOCTL_ALLOC", req: DMA_HEAP_IOCTL_ALLOC,
			before: DMAHeapAllocationData{Len: 4096, FdFlags: O_RDWR | O_CLOEXEC}, after: DMAHeapAllocationData{Fd: 5},
			in: "{len=4096, fd_flags=O_RDWR|O_CLOEXEC, heap_flags=0}", out: "{fd=5}"},
		{name: "SYNC_IOC_MERGE", req: SYNC_IOC_MERGE,
			before: SyncMergeData{Name: text("both"), Fd2: 6}, after: SyncMergeData{Fence: 7}, in: `{name="both", fd2=6}`, out: "{fence=7}"},
		{name: "SYNC_IOC_FILE_INFO", req: SYNC_IOC_FILE_INFO,
			before:  SyncFileInfo{NumFences: 1, SyncFenceInfo: p},
			after:   SyncFileInfo{Name: text("a"), Status: 1, NumFences: 1, SyncFenceInfo: p},
			written: map[uint64][]any{p: {SyncFenceInfo{ObjName: text("o"), DriverName: text("d"), Status: -5, TimestampNs: 9}}},
			in:      "{num_fences=1, sync_fence_info=0x10000}",
			out:     `{name="a", status=1, num_fences=1, sync_fence_info=[{obj_name="o", driver_name="d", status=-5, timestamp_ns=9}]}`},
		{name: "UDMABUF_CREATE", req: UDMABUF_CREATE, before: UdmabufCreate{Memfd: 3, Flags: 3, Offset: 4096, Size: 8192},
			in: "{memfd=3, flags=UDMABUF_FLAGS_CLOEXEC|0x2, offset=0x1000, size=8192}"},
		{name: "UDMABUF_CREATE_LIST", req: UDMABUF_CREATE_LIST, before: UdmabufCreateList{Count: 1},
			data: map[uint64][]any{at + 8: {UdmabufCreateItem{Memfd: 3, Pad: 1, Size: 4096}}},
			in:   "{flags=0, count=1, list=[{memfd=3, __pad=1, offset=0, size=4096}]}"},
		{name: "SW_SYNC_IOC_CREATE_FENCE", req: SW_SYNC_IOC_CREATE_FENCE,
			before: SwSyncCreateFenceData{Value: 1, Name: text("f")}, after: SwSyncCreateFenceData{Fence: 5}, in: `{value=1, name="f"}`, out: "{fence=5}"},
		{name: "SW_SYNC_IOC_INC", req: SW_SYNC_IOC_INC, before: uint32(1), in: "[1]"},
		{name: "VDEV_DMATEST_IOC_MAP", req: VDEV_DMATEST_IOC_MAP,
			before: DMATestMap{Handle: 1, Dir: VDEV_DMATEST_TO_DEVICE, Attrs: VDEV_DMATEST_SKIP_CPU_SYNC, Length: 64, DMAAddr: 0x80},
			in:     "{handle=1, dir=VDEV_DMATEST_TO_DEVICE, attrs=VDEV_DMATEST_SKIP_CPU_SYNC, offset=0, length=64}", out: "{dma_addr=0x80}"},

		{name: "bad pointers", req: DRM_IOCTL_MODE_ATOMIC, call: "DRM_IOCTL_MODE_ATOMIC",
			before: DRMModeAtomic{CountObjs: 1 << 31, ObjsPtr: 1, CountPropsPtr: 2, PropsPtr: 3, PropValuesPtr: 4, Reserved: 1},
			in: "{flags=0, count_objs=2147483648, objs_ptr=0x1, count_props_ptr=0x2, props_ptr=0x3, prop_values_ptr=0x4, " +
				"reserved=1, user_data=0}"},
		{name: "no structure", req: DRM_IOCTL_MODE_ATOMIC, call: "DRM_IOCTL_MODE_ATOMIC", in: "0x7fff0000"},
		{name: "unknown", req: drmIOWR | 16<<iocSizeShift + 0x99, call: "_IOC(_IOC_READ|_IOC_WRITE, 0x64, 0x99, 0x10)", in: "0x7fff0000"},
		{name: "unknown without argument", req: 0x5401, call: "_IOC(_IOC_NONE, 0x54, 0x1, 0)", in: "0x7fff0000"},
		{name: "another size is another request", req: DMA_BUF_IOCTL_SYNC + 4<<iocSizeShift, call: "_IOC(_IOC_WRITE, 0x62, 0, 0xc)", in: "0x7fff0000"},
		{name: "another family's", req: DMA_BUF_IOCTL_SYNC, family: FamilySyncFile, call: "_IOC(_IOC_WRITE, 0x62, 0, 0x8)", in: "0x7fff0000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := memory{}
			for a, v := range c.data {
				m.put(t, a, v...)
			}
			if c.before != nil {
				m.put(t, at, c.before)
			}
			call := Begin(c.req, c.family, m, at)
			in := call.In(nil)
			for a, v := range c.written {
				m.put(t, a, v...)
			}
			if c.after != nil {
				m.put(t, at, c.after)
			}
			if c.call == "" {
				c.call = c.name
			}
			if out := call.Out(nil); call.Name() != c.call || in != c.in || out != c.out {
				t.Errorf("got  %s, %s => %s\nwant %s, %s => %s", call.Name(), in, out, c.call, c.in, c.out)
			}
		})
	}
}
