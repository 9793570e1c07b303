metadata description = 'A virtual network: one subnet that the app reaches out from, one that the private endpoints are in.'

param name string
param location string
param tags object

@description('A /24 or larger, such as 10.20.0.0/24.')
param addressSpace string

resource network 'Microsoft.Network/virtualNetworks@2025-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressSpace
      ]
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressSpace, 26, 0)
          delegations: [
            {
              name: 'app'
              properties: {
                // What the Flex Consumption plan asks for, unlike the other plans.
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressSpace, 26, 1)
        }
      }
    ]
  }
}

output id string = network.id
output appSubnetId string = '${network.id}/subnets/app'
output endpointsSubnetId string = '${network.id}/subnets/endpoints'
