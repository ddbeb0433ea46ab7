// SPDX-License-Identifier: Apache-2.0

package linux

// DRMMajor is the major number of DRM's devices (include/drm/drm_file.h).
const DRMMajor = 226

// drmDevice is the struct drm_device behind an open file; r fails if it is no DRM
// device's.
func (r *Reader) drmDevice(file File) uint64 {
	if file.Kind != FileChar || file.Major != DRMMajor {
		r.bad = true
	}
	return r.Get(r.Get(file.Private, "drm_file.minor"), "drm_minor.dev")
}

// DRMDriver is the name of the driver behind an open file of a DRM device: "exynos";
// empty if it is none.
func (k *Kernel) DRMDriver(file File, satp uint64) string {
	r := k.Reader(satp)
	return r.String(r.Get(r.Get(r.drmDevice(file), "drm_device.driver"), "drm_driver.name"), maxDeviceName)
}

// modeKind is how a kind of object of mode setting tells its name. The members are
// that of the struct drm_mode_object and that of the name.
type modeKind struct {
	kind         uint64 // DRM_MODE_OBJECT_* (include/uapi/drm/drm_mode.h)
	object, name string
	inline       bool // the name is an array, not a pointer
}

func modeKinds() []modeKind {
	return []modeKind{
		{kind: 0xcccccccc, object: "drm_crtc.base", name: "drm_crtc.name"},
		{kind: 0xc0c0c0c0, object: "drm_connector.base", name: "drm_connector.name"},
		{kind: 0xe0e0e0e0, object: "drm_encoder.base", name: "drm_encoder.name"},
		{kind: 0xeeeeeeee, object: "drm_plane.base", name: "drm_plane.name"},
		{kind: 0xb0b0b0b0, object: "drm_property.base", name: "drm_property.name", inline: true},
	}
}

// maxPropName is DRM_PROP_NAME_LEN.
const maxPropName = 32

// ModeObject is the name of an object of mode setting, of the device behind an open
// file: a property's ("FB_ID"), or that of a CRTC, connector, encoder or plane
// ("plane-0"). It is empty for objects without a name, and if there is no such object.
func (k *Kernel) ModeObject(file File, satp uint64, id uint32) string {
	r := k.Reader(satp)
	obj := r.IDRLoad(r.Addr(r.drmDevice(file), "drm_device.mode_config.object_idr"), uint64(id))
	if obj == 0 || r.Get(obj, "drm_mode_object.id") != uint64(id) {
		return ""
	}
	kind := r.Get(obj, "drm_mode_object.type")
	for _, t := range modeKinds() {
		if t.kind != kind {
			continue
		}
		whole := r.Container(obj, t.object)
		at := r.Addr(whole, t.name)
		if !t.inline {
			at = r.Word(at)
		}
		return r.String(at, maxPropName)
	}
	return ""
}

// GEMBuffer is the dma-buf that a GEM handle of an open file stands for, as it was
// exported or imported; false if it is none.
func (k *Kernel) GEMBuffer(file File, satp uint64, handle uint32) (DMABuf, bool) {
	r := k.Reader(satp)
	r.drmDevice(file)
	obj := r.IDRLoad(r.Addr(file.Private, "drm_file.object_idr"), uint64(handle))
	buf := r.Get(obj, "drm_gem_object.dma_buf")
	if attach := r.Get(obj, "drm_gem_object.import_attach"); attach != 0 {
		buf = r.Get(attach, "dma_buf_attachment.dmabuf")
	}
	if buf == 0 || !r.OK() {
		return DMABuf{}, false
	}
	return k.DMABufAt(buf, satp)
}
