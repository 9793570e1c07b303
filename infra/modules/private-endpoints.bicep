metadata description = 'A private endpoint for each target, and the names by which the app finds it.'

param location string
param tags object
param networkId string
param subnetId string

@description('name, targetId, group (what the target calls its service) and zone (the private DNS zone) of each.')
param targets array

var zoneNames = union(map(targets, target => target.zone), [])

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for zone in zoneNames: {
  name: zone
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (zone, index) in zoneNames: {
  parent: zones[index]
  name: 'kontext'
  location: 'global'
  properties: {
    virtualNetwork: {
      id: networkId
    }
    registrationEnabled: false
  }
}]

resource endpoints 'Microsoft.Network/privateEndpoints@2025-01-01' = [for target in targets: {
  name: 'pe-${target.name}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: target.name
        properties: {
          privateLinkServiceId: target.targetId
          groupIds: [
            target.group
          ]
        }
      }
    ]
  }
}]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-01-01' = [for (target, index) in targets: {
  parent: endpoints[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: target.group
        properties: {
          privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', target.zone)
        }
      }
    ]
  }
  dependsOn: [
    zones
  ]
}]
