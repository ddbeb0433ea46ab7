// SPDX-License-Identifier: Apache-2.0

package scenarios

// accesses lists the scenarios of 2011 and 2012: attachments and accesses by CPU.
func accesses() []Scenario {
	return []Scenario{}
}
