// SPDX-License-Identifier: Apache-2.0

package iommu

import "vdev/mmio"

// debugTranslate serves a write of tr_req_ctl (section 4): the translation of
// tr_req_iova as an untranslated request. It uses and fills the caches, sets A and D,
// and reports faults, like any other.
func (u *IOMMU) debugTranslate(ctl uint64) {
	if ctl&trGo == 0 {
		return
	}
	r := Request{
		DeviceID: uint32(ctl >> 40), Type: UntranslatedWrite, Addr: mmio.IOVA(u.Get(regTrReqIova)),
		HasProcess: ctl&trPV != 0, Privileged: ctl&trPriv != 0,
	}
	switch {
	case ctl&trExe != 0:
		r.Type = UntranslatedExecute
	case ctl&trNW != 0:
		r.Type = UntranslatedRead
	}
	if r.HasProcess {
		r.ProcessID = uint32(ctl >> 12 & 0xf_ffff)
	}
	response := uint64(1)
	if res, f := u.Translate(r); f == nil {
		number := uint64(res.Addr) >> 12
		response = uint64(res.PBMT) << 7
		if res.Size > pageSize {
			// The lowest 0 bit of the page number says how big the range is.
			half := res.Size >> 13
			number = number&^(2*half-1) | (half - 1)
			response |= 1 << 9
		}
		response |= number & (1<<44 - 1) << 10
	}
	u.Set(regTrResponse, response)
	u.Set(regTrReqCtl, ctl&^trGo)
}
