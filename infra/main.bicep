metadata description = 'Kontext on Azure: one function app, its storage, its vaults and what watches them. See README.md for what each is for.'
targetScope = 'resourceGroup'

// --- what has to be said ---------------------------------------------------------------------------------------------

@description('Part of every name, so that several installations tell themselves apart.')
@minLength(2)
@maxLength(12)
param environment string

@description('Slug of the first organization: the one that runs the installation.')
param organization string

@description('The OpenID Connect provider of its people: issuer, clientId and, where wanted, clientSecretName, scopes, rolesClaim, roleMap, requiredClaims, administrators (docs/sign-in.md).')
param signIn object

// --- what may be said ------------------------------------------------------------------------------------------------

param location string = resourceGroup().location

param tags object = {
  app: 'kontext'
  environment: environment
}

@description('Where people and agents reach Kontext, without a slash at the end; empty for the app\'s own address.')
param publicUrl string = ''

@description('Further organizations by slug: { acme: { name: \'Acme\', signIn: { ... } } }.')
param organizations object = {}

@description('OAuth apps of the operator by provider: { github: { clientId: \'...\', clientSecretName: \'github\' } }. The secret is in the first vault.')
param providers object = {}

@description('The client secret of signIn, to be put in the first vault as signIn.clientSecretName. Empty leaves what is there.')
@secure()
param signInClientSecret string = ''

@description('Where background work waits: a queue of the storage account, or Service Bus.')
@allowed(['storage', 'servicebus'])
param workQueue string = 'storage'

@description('What the vaults hold: the keys that encrypt credentials in storage, or each credential as a secret.')
@allowed(['envelope', 'keyvault'])
param credentials string = 'envelope'

@description('How many vaults; never fewer than before.')
@minValue(1)
@maxValue(20)
param vaultCount int = 1

@description('Object ids of people or groups who may read and write the vaults\' secrets.')
param vaultOperators string[] = []

@description('The vaults were deleted within 90 days: bring them back with what they held.')
param recoverVaults bool = false

@description('Days of the audit trail that stay in tables before they move to the archive; 0 keeps everything in tables.')
@minValue(0)
@maxValue(36500)
param auditRetentionDays int = 0

@description('Days in which nobody can change or delete an archived day.')
@minValue(1)
@maxValue(146000)
param auditImmutableDays int = 1

@description('The archive\'s policy has been locked: leave it as it is.')
param auditPolicyLocked bool = false

@description('Storage, vaults and Service Bus are reached through private endpoints only.')
param privateNetwork bool = false

@description('A /24 or larger.')
param addressSpace string = '10.20.0.0/24'

@description('What is stored survives the loss of a zone; only in regions with zones.')
param zoneRedundantStorage bool = false

@description('The app does too: two instances for each of its 13 scale groups, HTTP and every timer and queue, are always there, and each costs (docs/costs.md).')
param zoneRedundant bool = false

@description('How instances are replaced. Recreate restarts all of them at once: calls that run are cut off, and for a moment nobody answers. RollingUpdate lets them finish; it is a preview, not recommended for production.')
@allowed(['Recreate', 'RollingUpdate'])
param updateStrategy string = 'Recreate'

@description('Storage accounts and vaults refuse to be deleted.')
param lockData bool = false

@description('Memory of an instance.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Instances that are always there; each costs.')
@minValue(0)
@maxValue(100)
param alwaysReadyInstances int = 0

@description('Requests an instance takes at once, open streams among them, before another one is started.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 100

@description('Web origins whose pages may call Kontext, without cookies. Clients in browsers need it.')
param browserOrigins string[] = ['*']

@description('Proxies before the app that add to X-Forwarded-For: 1 for the platform\'s own, 2 with a Front Door before it.')
@minValue(1)
@maxValue(10)
param trustedProxies int = 1

@description('Further app settings, or other values for those that are set.')
param extraSettings object = {}

@description('Log each write to tables and queues too, not only what is deleted: about as many lines as there are calls, and each costs.')
param logStorageWrites bool = false

@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Gigabytes of logs a day; -1 for no limit.')
param logDailyCapGb int = 1

// --- names -----------------------------------------------------------------------------------------------------------

var token = uniqueString(resourceGroup().id, environment)
var name = 'kontext-${environment}'
var appName = 'func-${name}-${take(token, 6)}'
var vaultNames = [for index in range(0, vaultCount): 'kv-kx-${token}-${index}']
var vaultUris = [for vaultName in vaultNames: 'https://${vaultName}${az.environment().suffixes.keyvaultDns}/']
var storageSku = zoneRedundantStorage ? 'Standard_ZRS' : 'Standard_LRS'
var useServiceBus = workQueue == 'servicebus'
var address = empty(publicUrl) ? 'https://${appName}.azurewebsites.net' : publicUrl

// --- resources -------------------------------------------------------------------------------------------------------

module identity 'modules/identity.bicep' = {
  params: {
    name: 'id-${name}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  params: {
    name: name
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    retentionDays: logRetentionDays
    dailyCapGb: logDailyCapGb
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  params: {
    name: 'stkxh${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    private: privateNetwork
    sku: storageSku
    workspaceId: monitoring.outputs.workspaceId
  }
}

module state 'modules/state-storage.bicep' = {
  params: {
    name: 'stkx${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    private: privateNetwork
    sku: storageSku
    withQueues: !useServiceBus
    auditImmutableDays: auditImmutableDays
    auditPolicyLocked: auditPolicyLocked
    workspaceId: monitoring.outputs.workspaceId
    logArchive: auditRetentionDays > 0
    logWrites: logStorageWrites
    lock: lockData
  }
}

module vaults 'modules/vault.bicep' = [for (vaultName, index) in vaultNames: {
  params: {
    name: vaultName
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    operators: vaultOperators
    private: privateNetwork
    recover: recoverVaults
    secretName: index == 0 ? (signIn.?clientSecretName ?? '') : ''
    secretValue: index == 0 ? signInClientSecret : ''
    workspaceId: monitoring.outputs.workspaceId
    lock: lockData
  }
}]

module serviceBus 'modules/service-bus.bicep' = if (useServiceBus) {
  params: {
    name: 'sb-${name}-${take(token, 6)}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    private: privateNetwork
    workspaceId: monitoring.outputs.workspaceId
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  params: {
    name: 'vnet-${name}'
    location: location
    tags: tags
    addressSpace: addressSpace
  }
}

module privateEndpoints 'modules/private-endpoints.bicep' = if (privateNetwork) {
  params: {
    location: location
    tags: tags
    networkId: network.?outputs.id ?? ''
    subnetId: network.?outputs.endpointsSubnetId ?? ''
    targets: concat(
      [
        { name: '${name}-table', targetId: state.outputs.id, group: 'table', zone: 'privatelink.table.${az.environment().suffixes.storage}' }
        { name: '${name}-queue', targetId: state.outputs.id, group: 'queue', zone: 'privatelink.queue.${az.environment().suffixes.storage}' }
        { name: '${name}-audit', targetId: state.outputs.id, group: 'blob', zone: 'privatelink.blob.${az.environment().suffixes.storage}' }
        { name: '${name}-host', targetId: hostStorage.outputs.id, group: 'blob', zone: 'privatelink.blob.${az.environment().suffixes.storage}' }
      ],
      map(vaultNames, vaultName => {
        name: vaultName
        targetId: resourceId('Microsoft.KeyVault/vaults', vaultName)
        group: 'vault'
        zone: 'privatelink${replace(az.environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
      }),
      useServiceBus ? [
        { name: '${name}-bus', targetId: serviceBus.?outputs.id ?? '', group: 'namespace', zone: 'privatelink.servicebus.windows.net' }
      ] : []
    )
  }
  dependsOn: [
    vaults
  ]
}

module app 'modules/app.bicep' = {
  params: {
    name: appName
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    hostStorageName: hostStorage.outputs.name
    packagesUrl: hostStorage.outputs.packagesUrl
    tableUrl: state.outputs.tableUrl
    auditUrl: state.outputs.auditUrl
    queueUrl: useServiceBus ? '' : state.outputs.queueUrl
    serviceBusHost: serviceBus.?outputs.hostName ?? ''
    vaultUris: vaultUris
    insightsConnectionString: monitoring.outputs.connectionString
    subnetId: network.?outputs.appSubnetId ?? ''
    publicUrl: address
    credentials: credentials
    organization: organization
    signIn: signIn
    organizations: organizations
    providers: providers
    auditRetentionDays: auditRetentionDays
    trustedProxies: trustedProxies
    extraSettings: extraSettings
    browserOrigins: browserOrigins
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
    httpConcurrency: httpConcurrency
    zoneRedundant: zoneRedundant
    updateStrategy: updateStrategy
  }
  // Before the app starts it has to find its vaults, and to find them by their private names.
  dependsOn: [
    vaults
    privateEndpoints
  ]
}

// --- what comes out --------------------------------------------------------------------------------------------------

@description('Where Kontext answers: sign-in, /mcp, /oauth2, /api/v1.')
output address string = address

@description('The function app, to publish to.')
output appName string = app.outputs.name

@description('The app\'s own address, also behind a domain of yours.')
output appAddress string = 'https://${appName}.azurewebsites.net'

@description('The redirect address to register at the provider of signIn.')
output signInRedirect string = '${address}/login/callback'

@description('The account with everything Kontext knows.')
output stateAccount string = state.outputs.name

output vaultUris string[] = vaultUris
