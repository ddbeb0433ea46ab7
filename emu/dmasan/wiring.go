// SPDX-License-Identifier: Apache-2.0

package dmasan

// checkWiring looks, at the first error of a bus master, for a simple reason: the
// kernel takes it for coherent, which it is not, or nobody would have observed it.
func (s *Sanitizer) checkWiring(r *Report) {
	if s.cfg.Device == nil || r.Latent || !r.onLine() {
		return
	}
	for _, a := range []*Access{r.This, r.Other, r.Noticed} {
		if a == nil || a.Hart != -1 {
			continue
		}
		if _, done := s.wiring[a.Master]; done {
			continue
		}
		name, coherent := s.cfg.Device(a.Master)
		s.wiring[a.Master] = struct{}{}
		if !coherent {
			continue
		}
		sum := &Report{Code: WrongCoherency, This: a, Device: name}
		s.publish(sum, placesKey{code: WrongCoherency, this: uint64(len(s.wiring))}, WrongCoherency.String()+a.Master, func() {})
	}
}
