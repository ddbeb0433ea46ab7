// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

// Output is a connected display with the CRTC that feeds it, and the planes that the
// CRTC puts together.
type Output struct {
	Card      *Card
	Connector uint32
	CRTC      uint32
	Mode      ioctl.DRMModeModeinfo
	Planes    []Plane // the primary one first, then in the order of the driver

	properties map[uint32]map[string]uint32 // of connector, CRTC and planes, by name
}

// PlaneType says what a plane is meant for, see enum drm_plane_type in
// include/drm/drm_plane.h.
type PlaneType uint64

// The types.
const (
	Overlay PlaneType = iota
	Primary
	Cursor
)

// Plane is a layer of the picture.
type Plane struct {
	ID      uint32
	Type    PlaneType
	Formats []pixel.Format
}

// Output finds the first connected display and its preferred mode, and makes the card
// accept atomic commits.
func (c *Card) Output() (*Output, error) {
	if err := c.SetCap(ioctl.DRM_CLIENT_CAP_ATOMIC, 1); err != nil {
		return nil, err
	}
	crtcs, connectors, err := c.resources()
	if err != nil {
		return nil, err
	}
	for _, id := range connectors {
		conn, modes, err := c.connector(id)
		if err != nil {
			return nil, err
		}
		if conn.Connection != connected || len(modes) == 0 {
			continue
		}
		enc := ioctl.DRMModeGetEncoder{EncoderId: conn.encoder}
		if err := ioctl.Do(c.FD(), ioctl.DRM_IOCTL_MODE_GETENCODER, &enc); err != nil {
			return nil, fmt.Errorf("encoder %d: %w", conn.encoder, err)
		}
		for i, crtc := range crtcs {
			if enc.PossibleCrtcs>>i&1 != 0 {
				o := &Output{Card: c, Connector: id, CRTC: crtc, Mode: modes[preferred(modes)]}
				return o, o.find(i)
			}
		}
	}
	return nil, errors.New("no display is connected")
}

// connected is the state of a connector in which it has modes, see enum
// drm_connector_status in include/drm/drm_connector.h.
const connected = 1

func preferred(modes []ioctl.DRMModeModeinfo) int {
	return max(0, slices.IndexFunc(modes, func(m ioctl.DRMModeModeinfo) bool { return m.Type&ioctl.DRM_MODE_TYPE_PREFERRED != 0 }))
}

// resources lists CRTCs and connectors. Like other lists of the kernel, they come with
// the second call; the first one tells how long they are.
func (c *Card) resources() (crtcs, connectors []uint32, err error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	var res ioctl.DRMModeCardRes
	for range 2 {
		crtcs, connectors = make([]uint32, res.CountCrtcs), make([]uint32, res.CountConnectors)
		res = ioctl.DRMModeCardRes{CountCrtcs: res.CountCrtcs, CountConnectors: res.CountConnectors,
			CrtcIdPtr: ioctl.Pointer(&pin, crtcs), ConnectorIdPtr: ioctl.Pointer(&pin, connectors)}
		if err := ioctl.Do(c.FD(), ioctl.DRM_IOCTL_MODE_GETRESOURCES, &res); err != nil {
			if errors.Is(err, unix.EOPNOTSUPP) {
				err = errors.New("the device has no display")
			}
			return nil, nil, fmt.Errorf("%s: resources: %w", c.Driver, err)
		}
	}
	return crtcs, connectors, nil
}

// connector is what is asked of a connector.
type connector struct {
	ioctl.DRMModeGetConnector
	encoder uint32
}

func (c *Card) connector(id uint32) (connector, []ioctl.DRMModeModeinfo, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	var conn ioctl.DRMModeGetConnector
	var encoders []uint32
	var modes []ioctl.DRMModeModeinfo
	for range 2 {
		encoders, modes = make([]uint32, conn.CountEncoders), make([]ioctl.DRMModeModeinfo, conn.CountModes)
		conn = ioctl.DRMModeGetConnector{ConnectorId: id, CountEncoders: conn.CountEncoders, CountModes: conn.CountModes,
			EncodersPtr: ioctl.Pointer(&pin, encoders), ModesPtr: ioctl.Pointer(&pin, modes)}
		if err := ioctl.Do(c.FD(), ioctl.DRM_IOCTL_MODE_GETCONNECTOR, &conn); err != nil {
			return connector{}, nil, fmt.Errorf("connector %d: %w", id, err)
		}
	}
	if len(encoders) == 0 {
		return connector{}, nil, fmt.Errorf("connector %d has no encoder", id)
	}
	return connector{conn, encoders[0]}, modes, nil
}

// find fills in planes and properties.
func (o *Output) find(crtcIndex int) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	var res ioctl.DRMModeGetPlaneRes
	var ids []uint32
	for range 2 {
		ids = make([]uint32, res.CountPlanes)
		res = ioctl.DRMModeGetPlaneRes{CountPlanes: res.CountPlanes, PlaneIdPtr: ioctl.Pointer(&pin, ids)}
		if err := ioctl.Do(o.Card.FD(), ioctl.DRM_IOCTL_MODE_GETPLANERESOURCES, &res); err != nil {
			return fmt.Errorf("planes: %w", err)
		}
	}
	o.properties = map[uint32]map[string]uint32{}
	for _, id := range ids {
		var arg ioctl.DRMModeGetPlane
		var formats []uint32
		for range 2 {
			formats = make([]uint32, arg.CountFormatTypes)
			arg = ioctl.DRMModeGetPlane{PlaneId: id, CountFormatTypes: arg.CountFormatTypes, FormatTypePtr: ioctl.Pointer(&pin, formats)}
			if err := ioctl.Do(o.Card.FD(), ioctl.DRM_IOCTL_MODE_GETPLANE, &arg); err != nil {
				return fmt.Errorf("plane %d: %w", id, err)
			}
		}
		if arg.PossibleCrtcs>>crtcIndex&1 == 0 {
			continue
		}
		p := Plane{ID: id}
		for _, f := range formats {
			p.Formats = append(p.Formats, pixel.Format(f))
		}
		values, err := o.learn(id, ioctl.DRM_MODE_OBJECT_PLANE)
		if err != nil {
			return err
		}
		p.Type = PlaneType(values["type"])
		o.Planes = append(o.Planes, p)
	}
	slices.SortStableFunc(o.Planes, func(a, b Plane) int { return rank(a) - rank(b) })
	_, err := o.learn(o.CRTC, ioctl.DRM_MODE_OBJECT_CRTC)
	if err == nil {
		_, err = o.learn(o.Connector, ioctl.DRM_MODE_OBJECT_CONNECTOR)
	}
	return err
}

func rank(p Plane) int {
	if p.Type == Primary {
		return 0
	}
	return 1
}

// learn remembers the identifiers of an object's properties, and returns their values.
func (o *Output) learn(object, kind uint32) (map[string]uint64, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	arg := ioctl.DRMModeObjGetProperties{ObjId: object, ObjType: kind}
	var ids []uint32
	var values []uint64
	for range 2 {
		ids, values = make([]uint32, arg.CountProps), make([]uint64, arg.CountProps)
		arg.PropsPtr, arg.PropValuesPtr = ioctl.Pointer(&pin, ids), ioctl.Pointer(&pin, values)
		if err := ioctl.Do(o.Card.FD(), ioctl.DRM_IOCTL_MODE_OBJ_GETPROPERTIES, &arg); err != nil {
			return nil, fmt.Errorf("properties of object %d: %w", object, err)
		}
	}
	byName, all := map[string]uint32{}, map[string]uint64{}
	for i, id := range ids {
		p := ioctl.DRMModeGetProperty{PropId: id}
		if err := ioctl.Do(o.Card.FD(), ioctl.DRM_IOCTL_MODE_GETPROPERTY, &p); err != nil {
			return nil, fmt.Errorf("property %d: %w", id, err)
		}
		name := unix.ByteSliceToString(p.Name[:])
		byName[name], all[name] = id, values[i]
	}
	o.properties[object] = byName
	return all, nil
}

// Supports tells whether a plane shows a format.
func (p *Plane) Supports(f pixel.Format) bool { return slices.Contains(p.Formats, f) }
