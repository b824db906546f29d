// SPDX-License-Identifier: Apache-2.0

package pair

import "encoding/binary"

const (
	ethernetLen = 14
	ipv6Len     = 40

	etherTypeIPv4 = 0x0800
	etherTypeARP  = 0x0806
	etherTypeIPv6 = 0x86dd

	protocolVRRP      = 112
	typeAdvertisement = 136
	solicited         = 0x40 // a flag of a neighbor advertisement
)

// message is what a frame says, as far as it matters here. Its slices are the frame's.
type message struct {
	from [6]byte // MAC

	advert         bool
	vrid, priority uint8 // of an advert

	address []byte // that is announced, if it is no advert
}

// decode reads a frame that has passed the filter; false when it is nothing that counts.
func decode(frame []byte) (m message, ok bool) {
	if len(frame) < ethernetLen {
		return m, false
	}
	m.from = [6]byte(frame[6:12])
	payload := frame[ethernetLen:]
	switch binary.BigEndian.Uint16(frame[12:14]) {
	case etherTypeIPv4:
		if len(payload) < 20 {
			return m, false
		}
		return m, m.decodeAdvert(payload, 4*int(payload[0]&0x0f))
	case etherTypeARP:
		if len(payload) < 28 {
			return m, false
		}
		m.address = payload[14:18]
		return m, true
	case etherTypeIPv6:
		return m, m.decodeIPv6(payload)
	}
	return m, false
}

func (m *message) decodeIPv6(ip []byte) bool {
	if len(ip) < ipv6Len {
		return false
	}
	if ip[6] == protocolVRRP {
		return m.decodeAdvert(ip, ipv6Len)
	}
	if len(ip) < ipv6Len+24 || ip[ipv6Len+4]&solicited != 0 {
		return false
	}
	m.address = ip[ipv6Len+8:][:16]
	return true
}

func (m *message) decodeAdvert(ip []byte, headerLen int) bool {
	if len(ip) < headerLen+8 {
		return false
	}
	m.advert, m.vrid, m.priority = true, ip[headerLen+1], ip[headerLen+2]
	return true
}
