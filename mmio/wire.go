// SPDX-License-Identifier: Apache-2.0

package mmio

// Wired returns l, or a wire that leads nowhere if l is nil, so that device models
// need not ask whether an output is connected.
func Wired(l IRQLine) IRQLine {
	if l == nil {
		return IRQFunc(func(bool) {})
	}
	return l
}
