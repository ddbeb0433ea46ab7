// SPDX-License-Identifier: Apache-2.0

package mmio

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Snapshotter is a device whose state can be saved and loaded. LoadState validates
// all of it before it changes anything; afterwards the device has armed its timers
// and driven its outputs to match.
type Snapshotter interface {
	Device
	SaveState() ([]byte, error)
	LoadState(data []byte) error
}

// EncodeState turns a device's state struct into the bytes of SaveState.
func EncodeState[S any](s S) ([]byte, error) { return json.Marshal(s) }

// DecodeState is the inverse of EncodeState. Unknown fields are refused: they mean
// that another version of the model wrote the state.
func DecodeState[S any](device string, data []byte) (S, error) {
	var s S
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("state of %s: %w", device, err)
	}
	return s, nil
}
