// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

// program is a scenario: it tells whether it found everything as it should be, and notes
// what it counted. What fails that must not fail ends it (must, get).
type program func(b *Bench, broken bool) (right bool)

// programs are all of them, by name.
func programs() map[string]program {
	return map[string]program{
		"opposite-orders":    oppositeOrders,
		"readers-and-writer": readersAndWriter,
		"lockup":             lockup,
		"early-invalidate":   earlyInvalidate,
		"pipeline-messages":  pipelineMessages,
		"pipeline-locks":     pipelineLocks,
		"camera-overruns":    cameraOverruns,
	}
}
