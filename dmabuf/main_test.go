// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"flag"
	"os"
	"testing"
)

// Schedules are cheap: thousands of them, unless the flag says otherwise. (With
// -short rapid makes a fifth of that.)
func TestMain(m *testing.M) {
	if f := flag.Lookup("rapid.checks"); f != nil {
		f.DefValue = "2000"
		_ = f.Value.Set(f.DefValue)
	}
	os.Exit(m.Run())
}
