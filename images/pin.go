// SPDX-License-Identifier: Apache-2.0

package images

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// A pin remembers which package a name stood for when it was last looked up, so
// that a warm cache needs no network, and the image does not change by itself when
// the suite does.

func (s *store) pinPath(name string) string { return filepath.Join(s.root, "pins", name+".json") }

// pinned returns what a name was last resolved to.
func (s *store) pinned(name string) (debRecord, bool) {
	var rec debRecord
	raw, err := os.ReadFile(s.pinPath(name))
	if err != nil || json.Unmarshal(raw, &rec) != nil || rec.Name == "" || rec.Version == "" || rec.SHA256 == "" {
		return debRecord{}, false
	}
	return rec, true
}

// pin remembers what a name was resolved to.
func (s *store) pin(name string, rec debRecord) error {
	raw, err := json.MarshalIndent(rec, "", "\t")
	if err != nil {
		return err
	}
	path := s.pinPath(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return diskError(s.root, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".pin-*")
	if err != nil {
		return diskError(s.root, err)
	}
	defer os.Remove(tmp.Name())
	tmp.Close()
	if err := writeFileSync(tmp.Name(), append(raw, '\n')); err != nil {
		return diskError(s.root, err)
	}
	return os.Rename(tmp.Name(), path)
}
