// SPDX-License-Identifier: Apache-2.0

package scenarios

// locking lists the scenarios of 2013: locks of buffers, for CPU and DMA.
func locking() []Scenario {
	return []Scenario{
		{Name: "opposite-orders", Code: Silent},
	}
}
