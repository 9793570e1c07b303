metadata description = 'Everything Kontext knows: tables, the archive of the audit trail and, where it is used, the queue of background work.'

param name string
param location string
param tags object

@description('The app.')
param principalId string

@description('Only through private endpoints.')
param private bool

@description('Standard_LRS, or Standard_ZRS to survive the loss of a zone.')
param sku string

@description('Background work waits here, not in Service Bus.')
param withQueues bool

@description('Days in which nobody can change or delete an archived day of the audit trail.')
@minValue(1)
@maxValue(146000)
param auditImmutableDays int

@description('The policy of the archive has been locked: it is left as it is.')
param auditPolicyLocked bool

@description('Logs go here.')
param workspaceId string

@description('Log who writes to and deletes from the archive.')
param logArchive bool

@description('Log each write to tables and queues, not only what is deleted.')
param logWrites bool

@description('Nobody deletes the account by mistake.')
param lock bool

var storageTableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var storageQueueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
var queueNames = withQueues ? ['kontext-work', 'kontext-work-poison'] : []

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: private ? 'Deny' : 'Allow'
    }
  }
}

resource guard 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  scope: account
  name: 'kontext-state'
  properties: {
    level: 'CanNotDelete'
    notes: 'Holds everything Kontext knows.'
  }
}

// --- tables: the program makes them when it first needs them ---------------------------------------------------------

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource tableLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: tableService
  name: 'kontext'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
      {
        category: 'StorageWrite'
        enabled: logWrites
      }
    ]
  }
}

resource tables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, principalId, storageTableDataContributor)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageTableDataContributor)
  }
}

// --- the archive of the audit trail ----------------------------------------------------------------------------------

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource audit 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: 'audit'
}

// A locked policy refuses every write to it but an extension, so an update has to pass it by.
resource immutability 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = if (!auditPolicyLocked) {
  parent: audit
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: auditImmutableDays
    allowProtectedAppendWrites: false
  }
}

resource archivist 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: audit
  name: guid(audit.id, principalId, storageBlobDataContributor)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
  }
}

resource archiveLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (logArchive) {
  scope: blobs
  name: 'kontext'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

// --- queues ----------------------------------------------------------------------------------------------------------

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource queueLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: queueService
  name: 'kontext'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
      {
        category: 'StorageWrite'
        enabled: logWrites
      }
    ]
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [for queue in queueNames: {
  parent: queueService
  name: queue
}]

resource queueWorkers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (queue, index) in queueNames: {
  scope: queues[index]
  name: guid(account.id, queue, principalId, storageQueueDataContributor)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageQueueDataContributor)
  }
}]

output id string = account.id
output name string = account.name
output tableUrl string = account.properties.primaryEndpoints.table
output queueUrl string = account.properties.primaryEndpoints.queue
output auditUrl string = '${account.properties.primaryEndpoints.blob}${audit.name}'
